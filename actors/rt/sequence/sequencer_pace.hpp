#pragma once

#include <millrace/actors/rt/sequence/disk_pace.hpp>
#include <millrace/actors/rt/sequence/disk_trouble.hpp>
#include <millrace/actors/rt/sequence/slow_lead.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/error.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace millrace::rt {

struct sequencer_state;

struct sequencer_settings;

/// How the disk of a SEQUENCER does: how long its syncs take, whether it takes
/// what is written, and what comes of that: who is to lead, and when the room
/// is used that is kept for a full one. Lives in the actor, which tells it of
/// every tick.
class disk_watch {
public:
  disk_watch(sequencer_state& of, const sequencer_settings& how);

  // What is timed.
  void recorded(copy_id copy, position from, position to, const chunk& bytes);
  void durable(copy_id copy, position end);
  void start_sync();
  void group_synced(position end, const caf::error& outcome);
  void heard(const peer_hello& what, int64_t now_ns);
  void forget(copy_id copy);

  /// Something could not be written.
  void troubled(const error& why);
  // At every tick.
  void mind();
  void mind_reserve();

  [[nodiscard]] std::optional<int64_t> sync_ns(int64_t now_ns) const;
  /// It has no room, as far as was seen.
  [[nodiscard]] bool is_full(int64_t now_ns) const noexcept {
    return trouble_.is_full(now_ns);
  }
  /// Why another node is to lead; empty: none need.
  [[nodiscard]] const std::string& trouble() const noexcept {
    return trouble_.why();
  }
  [[nodiscard]] text::json_value status() const;

private:
  [[nodiscard]] slow_lead::facts pace_facts(int64_t now_ns) const;
  [[nodiscard]] error mind_pace(int64_t now_ns);
  void step(const disk_trouble::input& what);
  void act(const disk_trouble::make_room&);
  void act(const disk_trouble::struck& what) const;
  void act(const disk_trouble::healed&) const;
  void act(const disk_trouble::blocked& what) const;

  sequencer_state& of_;
  disk_pace pace_;
  /// Of each copy, up to where bytes came that its sync under way may not
  /// cover.
  std::map<copy_id, position> unsynced_ends_;
  slow_lead lead_judge_;
  bool is_slow_ = false; ///< As `lead_judge_` said last.
  /// What syncs take on the other nodes, and when they said so.
  struct told_pace {
    std::optional<int64_t> sync_ns;
    int64_t at_ns = 0;
  };
  std::map<node_id, told_pace> peer_paces_;
  disk_trouble trouble_;
  /// The reserve is taken again.
  std::shared_ptr<std::atomic<bool>> reserving_
    = std::make_shared<std::atomic<bool>>(false);
  int64_t reserve_at_ns_ = 0;
  bool told_reserve_ = false; ///< That it is given.
};

} // namespace millrace::rt
