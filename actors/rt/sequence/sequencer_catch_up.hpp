#pragma once

#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/messages/data/events.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/error.hpp>
#include <caf/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::rt {

struct sequencer_state;

/// How a SEQUENCER copies the state and the merged log of the node that leads,
/// where it lacks what the group's log no longer holds, and gives its own to
/// others. Lives in the actor.
class stream_catch_up {
public:
  explicit stream_catch_up(sequencer_state& of);

  /// These members lack what the log of this node begins after.
  void offer(const std::vector<member_id>& to);
  /// Another node offers its state, or, if this one leads, wants a later one.
  void take(founding_id group, const chunk& bytes);
  /// A part of the state that is offered here.
  [[nodiscard]] caf::result<chunk> serve(entry_index index,
                                         byte_number first) const;
  /// The merged log was copied, or could not be.
  void copied(const caf::error& outcome);
  /// What others have merged and collected is lacking here.
  void ask(const sequencer_actor& leader);

  [[nodiscard]] bool is_under_way() const noexcept {
    return under_way_ != nullptr;
  }
  [[nodiscard]] bool lacks_merged() const noexcept { return lacks_merged_; }

private:
  struct copy_of_all {
    raft_snapshot what;
    sequencer_actor from;
    std::vector<std::byte> state;                      ///< So far.
    std::shared_ptr<std::vector<stream_event>> events; ///< Of what is copied.
  };
  void offer_later(entry_index after);
  void fetch_state();
  void copy_out();
  void end(const error& why);

  sequencer_state& of_;
  std::unique_ptr<copy_of_all> under_way_;
  /// The log names bytes of inputs that others have merged and collected.
  bool lacks_merged_ = false;
};

} // namespace millrace::rt
