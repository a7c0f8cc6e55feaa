#pragma once

#include <millrace/actors/rt/sequence/input_repair.hpp>
#include <millrace/actors/rt/sequence/peer_links.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/error.hpp>
#include <caf/result.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

struct sequencer_state;

/// How a SEQUENCER mends its copies of inputs: does what its `input_repair`
/// says, and begins anew those that failed. Lives in the actor, which tells it
/// of every tick.
class input_mending {
public:
  explicit input_mending(sequencer_state& of);

  // What the sink of a copy says.
  void lacking(copy_id copy, position from, position to);
  void failed(copy_id copy, const caf::error& fault);
  void refused(copy_id copy, const caf::error& fault);
  /// Its directory is not there any more.
  void gone(copy_id copy);
  /// The copy is read anew: what it lacks will be told.
  void forget(copy_id copy);
  /// A sink of it runs again.
  void runs(copy_id copy) { failed_.erase(copy); }
  /// What its publisher sent was written.
  void has_room(copy_id copy) { waiting_for_room_.erase(copy); }

  // At every tick, in this order.
  void retry();
  void mend();

  void begin_needless_anew();
  void fetch_held(const peer_links::peer& from, copy_id copy, input_part range);
  caf::result<status_facts> give_up(bool dry);
  /// Somebody may still have what an input lacks there.
  [[nodiscard]] bool may_come(copy_id copy, position from) const;
  void tell(text::json_value& into) const;
  void tell_standing(text::json_value& into) const;
  /// A full disk keeps publishers waiting.
  [[nodiscard]] bool lacks_room() const;

private:
  using range_of_copy = std::pair<copy_id, input_part>;
  void step(const input_repair::input& what);
  void act(const input_repair::ask& what);
  void act(const input_repair::give_up& what);
  void act(const input_repair::waits& what) const;
  void act(const input_repair::copies& what);
  void filled(copy_id copy, input_part range, position begin,
              const chunk& bytes);
  void tell_gone();
  [[nodiscard]] bool is_news(copy_id copy, position from);
  [[nodiscard]] input_repair::passed sources_of(copy_id copy) const;
  [[nodiscard]] pusher_actor pusher_of(copy_id copy) const;
  [[nodiscard]] text::json_value
  told_ranges(const std::vector<range_of_copy>& ranges) const;

  sequencer_state& of_;
  input_repair repair_{{}};
  /// What lacked at the last tick, and the copies whose bytes are on their way
  /// because another node holds them.
  std::optional<sequencer_core::missing_bytes> missed_;
  std::set<copy_id> fetching_;
  /// What copies lack, as their sinks told it.
  std::map<copy_id, std::vector<input_part>> lacks_;
  /// What nobody has is not asked for again.
  std::set<std::pair<copy_id, position>> given_up_;
  /// Places of inputs that lack something, and when that was told.
  std::map<std::pair<copy_id, position>, int64_t> told_lacks_;
  struct failed_input {
    std::string why;
    int64_t retry_at_ns = 0;
    bool is_full = false; ///< Its disk.
  };
  std::map<copy_id, failed_input> failed_;
  uint64_t failures_ = 0;
  /// Those that a full disk refused, and when it last did.
  std::map<copy_id, int64_t> without_room_;
  std::set<copy_id> waiting_for_room_; ///< Of these, since.
  std::vector<copy_id> gone_;          ///< Not told yet.
  uint64_t gone_count_ = 0;
  std::set<copy_id> begun_anew_; ///< Their copies were removed here.
  /// The first file of copies that began anew: none before it is missed.
  std::map<copy_id, position> begun_at_;
};

} // namespace millrace::rt
