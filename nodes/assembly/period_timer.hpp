#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// PERIOD TIMER: asks the sequencers of its node to end each period when the
/// clock says so. It only asks: where the period ends, the stream decides.
using period_timer_actor = status_actor::extend<
  // INTERNAL: looks at the clock.
  caf::reacts_to<caf::tick_atom>>;

struct period_timer_state {
  static constexpr const char* name = "period-timer";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit period_timer_state(period_timer_actor::pointer owner)
    : self{owner} {}

  void tick();
  void ask(const sequencer_actor& stream, int64_t period);
  [[nodiscard]] std::string status() const;

  period_timer_actor::pointer self;
  persistence::env* env = nullptr;
  period_rule rule;
  std::vector<sequencer_actor> streams;
  period_end next;
  int64_t ended = null_long;
  error last_failure;
};

period_timer_actor::behavior_type
period_timer(period_timer_actor::stateful_pointer<period_timer_state> self,
             persistence::env* world, period_rule rule,
             std::vector<sequencer_actor> streams);

} // namespace millrace::nodes
