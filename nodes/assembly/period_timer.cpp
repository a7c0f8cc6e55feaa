#include <millrace/messages/protocol/wire.hpp>
#include <millrace/nodes/assembly/period_timer.hpp>

#include <nlohmann/json.hpp>

namespace millrace::nodes {

namespace {
constexpr auto tick_interval = std::chrono::seconds{1};
constexpr auto request_deadline = std::chrono::seconds{60};
constexpr auto retry_interval = std::chrono::seconds{5};
} // namespace

void period_timer_state::tick() {
  // The wall clock is asked anew each second: it may be set, and a machine may
  // have slept. A period that the stream has ended is not ended again.
  const auto now = env->clock->now_ns();
  if (next.end_ns != 0 && now >= next.end_ns) {
    for (const auto& stream : streams)
      ask(stream, next.period);
    ended = next.period;
    next = {};
  }
  if (next.end_ns == 0) {
    auto coming = next_period_end(rule, now);
    if (coming)
      next = *coming;
    last_failure = coming.failure();
  }
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

void period_timer_state::ask(const sequencer_actor& stream, int64_t period) {
  self
    ->request(stream, caf::timespan{request_deadline}, end_period_atom_v,
              period_id{period})
    .then([](position) {},
          [this, stream, period](const caf::error& fault) {
            last_failure = from_caf(fault);
            if (last_failure.code == errc::already_exists) {
              last_failure = {};
              return;
            }
            if (last_failure.code == errc::timeout)
              self
                ->request(stream, caf::timespan{retry_interval},
                          end_period_atom_v, period_id{period})
                .then([](position) {},
                      [this](const caf::error& again) {
                        last_failure = from_caf(again);
                      });
          });
}

std::string period_timer_state::status() const {
  nlohmann::json out;
  out["role"] = "period-timer";
  out["next_period"] = next.period;
  out["next_end_ns"] = next.end_ns;
  if (ended != null_long)
    out["ended_period"] = ended;
  if (last_failure)
    out["last_failure"] = to_string(last_failure);
  return out.dump();
}

period_timer_actor::behavior_type
period_timer(period_timer_actor::stateful_pointer<period_timer_state> self,
             persistence::env* world, period_rule rule,
             std::vector<sequencer_actor> streams) {
  self->state.env = world;
  self->state.rule = std::move(rule);
  self->state.streams = std::move(streams);
  self->state.tick();
  return {
    [self](status_atom) { return self->state.status(); },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace millrace::nodes
