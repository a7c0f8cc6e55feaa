#include <millrace/actors/rt/sequence/sequencer.hpp>

// How the sequencer ends the periods of its stream.

namespace millrace::rt {

period_desk::period_desk(sequencer_state& of, const merge_state& committed,
                         int64_t grace_ns)
  : of_{of}, ending_{committed, grace_ns} {}

caf::result<position> period_desk::end(period_id period) {
  if (!of_.core->leads()) {
    const auto leader = of_.leading_peer();
    if (!leader)
      return to_caf(leader.failure());
    // A node that is lost answers nothing.
    const std::chrono::nanoseconds deadline{of_.settings.period_grace_ns
                                            + 5'000'000'000};
    auto asked = of_.self->make_response_promise<position>();
    of_.self
      ->request(*leader, caf::timespan{deadline}, end_period_atom_v, period)
      .then([asked](position end) mutable { asked.deliver(end); },
            [asked](caf::error& fault) mutable {
              asked.deliver(std::move(fault));
            });
    return asked;
  }
  auto promise = of_.self->make_response_promise<position>();
  const auto request = request_next_++;
  requests_[request] = {promise, period};
  // What came before this node noted that it leads is asked by `led`.
  if (of_.led_for_sure)
    ask_for_end(request, period);
  return promise;
}

void period_desk::ask_for_end(uint64_t request, period_id period) {
  period_ending::asked what{request, period, {}};
  for (const auto& [flow, publisher] : of_.publishers)
    what.connected.push_back(
      {flow, of_.marks_as(publisher.origin, publisher.copy)});
  step(what);
}

/// Each of several that write an origin marks the end for itself.
std::string sequencer_state::marks_as(const std::string& origin,
                                      copy_id copy) const {
  return core->is_replicated(origin) ? core->inputs().name(copy).directory
                                     : origin;
}

void period_desk::ended(const period_ended& what) {
  for (const auto& origin : what.absent)
    of_.settings.warn("absent",
                      "stream '" + of_.core->options().stream + "': period "
                        + to_string(what.period)
                        + " ended without the marker of publisher '" + origin
                        + "', which did not come in time: what it "
                          "still publishes counts to the next period");
  step(what);
}

void period_desk::step(const period_ending::input& what) {
  for (auto& effect : ending_.step(what, of_.env->clock->monotonic_ns()))
    std::visit([this](auto& each) { act(each); }, effect);
}

void period_desk::act(const period_ending::ask& what) {
  if (const auto found = of_.publishers.find(what.flow);
      found != of_.publishers.end())
    of_.self->send(found->second.pusher, mark_atom_v, what.period);
}

void period_desk::act(period_ending::propose& what) {
  auto fault = of_.core->propose_period_end(what.entry);
  // Where another node leads by now, those that wait ask it.
  if (fault && fault.code == errc::unavailable && of_.core->group().leads())
    unproposed_.push_back(std::move(what.entry));
  else if (fault && fault.code != errc::unavailable)
    return of_.fail(fault);
  of_.progress(of_.core->advance());
}

void period_desk::act(const period_ending::answer& what) {
  if (auto found = requests_.extract(what.request))
    found.mapped().promise.deliver(what.end);
}

void period_desk::act(const period_ending::refuse& what) {
  if (auto found = requests_.extract(what.request))
    found.mapped().promise.deliver(
      to_caf({errc::already_exists,
              "period " + to_string(what.period) + " cannot end any more: "
                + to_string(ending_.last_ended()) + " ended already"}));
}

void period_desk::led() {
  ending_ = period_ending{*of_.core->state(), of_.settings.period_grace_ns,
                          of_.settings.participants};
  // An answer takes its request away.
  std::map<uint64_t, period_id> early;
  for (const auto& [request, asked] : requests_)
    early.emplace(request, asked.period);
  for (const auto& [request, period] : early)
    ask_for_end(request, period);
}

/// Another node leads: those that asked for the end of a period ask it.
void period_desk::give_up() {
  unproposed_.clear();
  for (auto& [number, asked] : std::exchange(requests_, {}))
    asked.promise.deliver(to_caf(
      {errc::unavailable, "stream '" + of_.core->options().stream
                            + "': this node does not order it any more"}));
}

void period_desk::tick() {
  step(period_ending::passed{});
  for (auto& each : std::exchange(unproposed_, {})) {
    period_ending::propose again{std::move(each)};
    act(again);
  }
}

} // namespace millrace::rt
