#include <millrace/actors/rt/sequence/sequencer.hpp>

// How the sequencer ends the periods of its stream.

namespace millrace::rt {

caf::result<position> sequencer_state::end_period(period_id period) {
  if (!core->leads()) {
    const auto leader = leading_peer();
    if (!leader)
      return to_caf(leader.failure());
    // A node that is lost answers nothing.
    const std::chrono::nanoseconds deadline{settings.period_grace_ns
                                            + 5'000'000'000};
    auto asked = self->make_response_promise<position>();
    self->request(*leader, caf::timespan{deadline}, end_period_atom_v, period)
      .then([asked](position end) mutable { asked.deliver(end); },
            [asked](caf::error& fault) mutable {
              asked.deliver(std::move(fault));
            });
    return asked;
  }
  auto promise = self->make_response_promise<position>();
  const auto request = period_request_next++;
  period_requests[request] = {promise, period};
  // What came before this node noted that it leads is asked by `led`.
  if (led_for_sure)
    ask_for_end(request, period);
  return promise;
}

void sequencer_state::ask_for_end(uint64_t request, period_id period) {
  period_ending::asked what{request, period, {}};
  for (const auto& [flow, publisher] : publishers)
    if (!core->is_replicated(publisher.origin))
      what.connected.push_back({flow, publisher.origin});
  step(what);
}

void sequencer_state::ended_with(const period_ended& what) {
  for (const auto& origin : what.absent)
    settings.warn("absent", "stream '" + core->options().stream + "': period "
                              + to_string(what.period)
                              + " ended without the marker of publisher '"
                              + origin
                              + "', which did not come in time: what it "
                                "still publishes counts to the next period");
  step(what);
}

void sequencer_state::step(const period_ending::input& what) {
  for (auto& effect : ending->step(what, env->clock->monotonic_ns()))
    std::visit([this](auto& each) { act(each); }, effect);
}

void sequencer_state::act(const period_ending::ask& what) {
  if (const auto found = publishers.find(what.flow); found != publishers.end())
    self->send(found->second.pusher, mark_atom_v, what.period);
}

void sequencer_state::act(period_ending::propose& what) {
  auto fault = core->propose_period_end(what.entry);
  // Where another node leads by now, those that wait ask it.
  if (fault && fault.code == errc::unavailable && core->group().leads())
    unproposed.push_back(std::move(what.entry));
  else if (fault && fault.code != errc::unavailable)
    return fail(fault);
  progress(core->advance());
}

void sequencer_state::act(const period_ending::answer& what) {
  if (auto found = period_requests.extract(what.request))
    found.mapped().promise.deliver(what.end);
}

void sequencer_state::act(const period_ending::refuse& what) {
  if (auto found = period_requests.extract(what.request))
    found.mapped().promise.deliver(
      to_caf({errc::already_exists,
              "period " + to_string(what.period) + " cannot end any more: "
                + to_string(ending->last_ended()) + " ended already"}));
}

} // namespace millrace::rt
