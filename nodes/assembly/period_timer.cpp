#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/protocol/wire.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/period_timer.hpp>

#include <cstdlib>

namespace millrace::nodes {

namespace {

constexpr auto tick_interval = std::chrono::seconds{1};
constexpr auto request_deadline = std::chrono::seconds{60};
constexpr int64_t second = 1'000'000'000;

} // namespace

void period_timer_state::tick() {
  // The wall clock is asked anew each second: it may be set, and a machine may
  // have slept.
  const auto wall_ns = env->clock->now_ns();
  if (const auto jump = wall.look(wall_ns, env->clock->monotonic_ns());
      jump != 0)
    host->tell({notice::severity::warning, std::string{process_type::rt},
                settings.process, "clock_jump",
                "the wall clock went " + std::to_string(std::abs(jump) / second)
                  + " s " + (jump > 0 ? "forward" : "back")
                  + " at once: periods end by what it says now"});
  const auto coming = next_period_end(settings.rule, wall_ns);
  period_requests::tick now;
  if (coming) {
    next = *coming;
    now.current = coming->period;
    if (!requests) {
      std::vector<period_requests::asked_stream> streams;
      for (const auto& each : settings.streams)
        streams.push_back({each.name, each.next.value_or(*now.current)});
      requests.emplace(std::move(streams));
    }
  }
  if (auto fault = coming.failure(); fault != rule_failure) {
    rule_failure = fault;
    host->tell({fault ? notice::severity::warning : notice::severity::info,
                std::string{process_type::rt}, settings.process, "period_clock",
                fault ? "no period ends by the clock: " + to_string(fault)
                      : "periods end by the clock again"});
  }
  if (requests)
    step(now);
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

void period_timer_state::step(const period_requests::input& what) {
  for (const auto& effect : requests->step(what, env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void period_timer_state::act(const period_requests::ask& what) {
  self
    ->request(settings.streams[what.stream].sequencer,
              caf::timespan{request_deadline}, end_period_atom_v, what.period)
    .then([this, stream = what.stream](
            position) { step(period_requests::answered{stream}); },
          [this, stream = what.stream](const caf::error& fault) {
            step(period_requests::answered{stream, from_caf(fault)});
          });
}

void period_timer_state::act(const period_requests::tell& what) {
  const auto subject = "stream '" + settings.streams[what.stream].name
                       + "': period " + to_string(what.period);
  if (what.fault)
    host->tell({notice::severity::warning, std::string{process_type::rt},
                settings.process, "period_waits",
                subject
                  + " is past, but the stream has not ended it; asking again: "
                  + to_string(what.fault)});
  else
    host->tell({notice::severity::info, std::string{process_type::rt},
                settings.process, "period_ended",
                subject + " ended after it had to wait"});
}

status_facts period_timer_state::status() const {
  status_facts out{{"role", "period-timer"},
                   {"next_period", next.period.value},
                   {"next_end_ns", next.end_ns},
                   {"clock_jumps", wall.jumps()}};
  if (rule_failure)
    out.add("last_failure", to_string(rule_failure));
  if (!requests)
    return out;
  auto& streams = out.add("streams", text::json_value::object());
  for (const auto& each : requests->streams()) {
    auto& stream = streams.add(each.of.name, text::json_value::object());
    if (each.ended != period_id::before_all())
      stream.add("ended_period", each.ended.value);
    if (!each.due.empty()) {
      auto& waiting = stream.add("waiting_periods", text::json_value::array());
      for (const auto& period : each.due)
        waiting.add(period.value);
      stream.add("asks", each.asks);
      if (each.failure)
        stream.add("waits_for", to_string(each.failure));
    }
  }
  return out;
}

period_timer_actor::behavior_type
period_timer(period_timer_actor::stateful_pointer<period_timer_state> self,
             process_host* host, period_timer_settings settings) {
  self->state.host = host;
  self->state.env = &host->env();
  self->state.settings = std::move(settings);
  self->state.tick();
  return {
    [self](status_atom) { return self->state.status(); },
    own_ticks(self),
  };
}

} // namespace millrace::nodes
