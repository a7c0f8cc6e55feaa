#include <millrace/actors/rt/subscribe/subscriber.hpp>

#include <algorithm>
#include <utility>

// A SUBSCRIBER as a durable consumer: where it begins, and what it needs no
// more.

namespace millrace::rt {

/// What it needs no more, as far as it was delivered.
std::optional<position> subscriber_state::needed() const {
  if (options.floor_follows)
    return out->where();
  auto at = control->floor().needed;
  if (floor)
    at = std::max(at.value_or(position{}), *floor);
  return at ? std::optional{std::min(*at, out->where())} : std::nullopt;
}

/// Before the first flow: where it begins is what was agreed on.
void subscriber_state::ask_floor() {
  if (consumer.has_name())
    return begin_at_floor();
  const auto what = consumer.next(consumer.floor(), {}, consumer.life(),
                                  env->clock->monotonic_ns());
  if (!what)
    return refused({errc::unavailable, "consumer '" + options.consumer
                                         + "': it was asked for before"});
  say(*what);
}

void subscriber_state::begin_at_floor() {
  options.start.kind = start_spec::at_position;
  options.start.at = consumer.floor();
  lineage = consumer.life();
  out->start_at(consumer.floor());
  registers_at = consumer.floor();
  started = true;
  subscribe(rt);
}

void subscriber_state::tell_floor() {
  if (!started || !rt || !lineage.is_known() || leaving)
    return;
  if (const auto what = consumer.next(registers_at, needed(), lineage,
                                      env->clock->monotonic_ns()))
    say(*what);
}

void subscriber_state::say(const consumer_floor& what) {
  self
    ->request(rt, caf::timespan{subscriber_state::request_deadline},
              floor_atom_v, what)
    .then(
      [this](const consumer_facts& facts) {
        if (consumer.answered(facts))
          took_name(facts.taken_from);
        if (consumer.has_name())
          control->note_agreed(facts.floor);
        if (!started)
          ask_floor();
        else if (!consumer.has_name())
          tell_floor();
        finish_if_ended();
      },
      [this](const caf::error& fault) { not_taken(from_caf(fault)); });
}

void subscriber_state::took_name(const std::string& from) {
  told_refusal = false;
  if (!from.empty() && options.warn)
    options.warn("consumer", "stream '" + options.topic + "': consumer '"
                               + options.consumer
                               + "' was a subscription of process " + from
                               + " a moment ago, which ends: the last one "
                                 "that takes a name has it");
}

void subscriber_state::not_taken(const error& why) {
  const bool for_good = consumer.refused(why);
  gave_up_name = !control->active();
  if (for_good && (consumer.is_replaced() || !options.is_declared)) {
    fail(why);
    return finish_if_ended();
  }
  if (for_good && !std::exchange(told_refusal, true) && options.warn)
    options.warn("consumer", to_string(why));
  if (!started)
    refused(why);
  finish_if_ended();
}

/// What it passed is agreed on before it ends, if that takes a moment only. One
/// that ends soon may not have its name yet: it takes that first.
/// @returns whether it is not over yet.
bool subscriber_state::leaves() {
  if (leaving)
    return !left;
  const bool can_say = !failure && rt && started && lineage.is_known();
  if (can_say && consumer.wants_name() && !gave_up_name) {
    tell_floor();
    return true;
  }
  leaving = true;
  agreed = !consumer.wants_name();
  const auto what
    = failure || !rt ? std::nullopt : consumer.last(needed(), lineage);
  left = !what;
  if (left)
    return false;
  if (source)
    self->send(source, stop_atom_v);
  const auto answered = [this](bool is_agreed) {
    agreed = is_agreed;
    left = true;
    finish_if_ended();
  };
  self
    ->request(rt, caf::timespan{subscriber_state::request_deadline},
              floor_atom_v, *what)
    .then(
      [this, answered](const consumer_facts& facts) {
        control->note_agreed(facts.floor);
        answered(true);
      },
      [answered](const caf::error&) { answered(false); });
  return true;
}

caf::result<bool> subscriber_state::end() {
  control->unsubscribe();
  ended = self->make_response_promise<bool>();
  auto promise = *ended;
  finish_if_ended();
  return promise;
}

} // namespace millrace::rt
