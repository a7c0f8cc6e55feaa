#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/process_host.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>
#include <millrace/nodes/configuration/period_requests.hpp>
#include <millrace/nodes/configuration/wall_clock_watch.hpp>

#include <caf/stateful_actor.hpp>

#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// PERIOD TIMER: asks the sequencers of its node to end each period when the
/// clock says so, until they do. It only asks: where the period ends, the
/// stream decides.
using period_timer_actor = status_actor::extend<
  // INTERNAL: looks at the clock.
  caf::reacts_to<caf::tick_atom>>;

struct period_timer_settings {
  std::string process; ///< Whose log tells of periods that wait.
  period_rule rule;
  struct stream {
    sequencer_actor sequencer;
    std::string name;
    /// The first period that it may have to be asked for; none: the current.
    std::optional<period_id> next{};
  };
  std::vector<stream> streams;
};

struct period_timer_state {
  static constexpr const char* name = "period-timer";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit period_timer_state(period_timer_actor::pointer owner)
    : self{owner} {}

  void tick();
  void step(const period_requests::input& what);
  void act(const period_requests::ask& what);
  void act(const period_requests::tell& what);
  [[nodiscard]] status_facts status() const;

  period_timer_actor::pointer self;
  process_host* host = nullptr;
  persistence::env* env = nullptr;
  period_timer_settings settings;
  std::optional<period_requests> requests; ///< From the first known period on.
  wall_clock_watch wall;
  period_end next;
  error rule_failure;
};

/// @param host outlives the actor.
period_timer_actor::behavior_type
period_timer(period_timer_actor::stateful_pointer<period_timer_state> self,
             process_host* host, period_timer_settings settings);

} // namespace millrace::nodes
