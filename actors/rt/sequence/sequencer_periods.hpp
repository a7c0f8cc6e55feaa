#pragma once

#include <millrace/actors/rt/sequence/period_ending.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/result.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace millrace::rt {

struct sequencer_state;

/// How a SEQUENCER ends the periods of its stream: does what its
/// `period_ending` says, and answers those who asked for it. Lives in the
/// actor, which tells it of every tick.
class period_desk {
public:
  period_desk(sequencer_state& of, const merge_state& committed,
              int64_t grace_ns);

  caf::result<position> end(period_id period);
  void ended(const period_ended& what);
  void step(const period_ending::input& what);
  void tick();
  /// This node now knows all that was ever agreed on, or leads no longer.
  void led();
  void give_up();
  [[nodiscard]] const period_ending& ending() const noexcept { return ending_; }

private:
  /// Asks for the end that `request` wants.
  void ask_for_end(uint64_t request, period_id period);
  void act(const period_ending::ask& what);
  void act(period_ending::propose& what);
  void act(const period_ending::answer& what);
  void act(const period_ending::refuse& what);

  sequencer_state& of_;
  period_ending ending_;
  struct period_request {
    caf::typed_response_promise<position> promise;
    period_id period;
  };
  std::map<uint64_t, period_request> requests_;
  uint64_t request_next_ = 1;
  /// What the group has no room for yet, while this node leads.
  std::vector<period_end> unproposed_;
};

} // namespace millrace::rt
