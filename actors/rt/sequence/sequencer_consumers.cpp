#include <millrace/actors/rt/archive/archive_survey.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/messages/text/plain_name.hpp>

#include <algorithm>
#include <utility>

// Durable consumers: who has a name, what of the stream is kept for it, and
// what of that is worth an entry of the group's log.

namespace millrace::rt {

namespace {

/// Who asks has given up by then.
constexpr int64_t floor_patience_ns = 10'000'000'000;
constexpr int64_t floor_look_ns = 200'000'000;
constexpr int64_t floor_register_ns = 1'000'000'000;

const merge_consumer* consumer_of(const merge_state* state,
                                  const std::string& name) {
  if (state == nullptr)
    return nullptr;
  const auto found = state->consumers.find(name);
  return found == state->consumers.end() ? nullptr : &found->second;
}

consumer_facts facts_of(const lineage_id& life, const merge_consumer* known) {
  consumer_facts out;
  out.life = life;
  out.is_known = known != nullptr;
  if (known != nullptr) {
    out.claim = known->claim;
    out.floor = known->floor;
  }
  return out;
}

bool has_name(const merge_consumer* known, const consumer_floor& what) {
  return known != nullptr && what.claim != 0 && known->claim == what.claim
         && known->holder == what.holder;
}

/// Its log has what that subscription wants.
bool is_agreed(const merge_consumer* known, const consumer_floor& what,
               position end) {
  return has_name(known, what)
         && (what.step == consumer_floor::claims
             || known->floor >= std::min(what.needs_from, end));
}

std::string name_of(const std::string& consumer) {
  return "consumer '" + consumer + "'";
}

} // namespace

error sequencer_state::replaced(const consumer_floor& what) const {
  const auto* known = consumer_of(core->state(), what.consumer);
  const auto begin
    = "stream '" + core->options().stream + "': " + name_of(what.consumer);
  if (known == nullptr)
    return {errc::fenced,
            begin
              + " is not known: an operator had it forgotten, and nothing "
                "is kept for it; subscribe again to register it anew"};
  const auto* other = consumers.told.find(what.consumer);
  const bool is_other = other != nullptr && other->claim == known->claim;
  return {
    errc::fenced,
    begin + " is another subscription now"
      + (is_other ? ", of process " + other->process : std::string{})
      + ": the last one that takes a name has it, and this one ends; give "
        "each program a name of its own"};
}

caf::result<consumer_facts>
sequencer_state::take_floor(const consumer_floor& what) {
  const auto stream = "stream '" + core->options().stream + "': ";
  if (!text::is_plain_name(what.consumer))
    return to_caf({errc::invalid_argument,
                   stream
                     + "the name of a consumer is 1 to 64 letters, digits, "
                       "'_', '-' and '.', not led by '-' or '.'"});
  if (!core->leads())
    return ask_leader<consumer_facts>(floor_atom_v, what);
  if (what.life.is_known() && what.life != core->life())
    return to_caf(
      {errc::unavailable, stream + name_of(what.consumer)
                            + " tells of another life of the stream"});
  const auto* known = consumer_of(core->state(), what.consumer);
  if (what.step == consumer_floor::asks)
    return facts_of(core->life(), known);
  if (what.step == consumer_floor::claims)
    return claim(what);
  if (!has_name(known, what)) {
    ++consumers.refused;
    return to_caf(replaced(what));
  }
  const auto now_ns = env->clock->monotonic_ns();
  consumers.told.take(what, caf::to_string(self->current_sender()->node()),
                      now_ns);
  if (what.step != consumer_floor::leaves
      || is_agreed(known, what, core->out_end()))
    return facts_of(core->life(), known);
  auto promise = self->make_response_promise<consumer_facts>();
  consumers.floors.push_back(
    {what, {}, {}, now_ns + floor_patience_ns, promise});
  note_floors_now();
  progress(core->advance());
  return promise;
}

/// The last one has the name: a process that hangs must not keep the one that
/// takes its place from its work.
caf::result<consumer_facts> sequencer_state::claim(const consumer_floor& what) {
  const auto& state = *core->state();
  const auto* known = consumer_of(&state, what.consumer);
  const auto now_ns = env->clock->monotonic_ns();
  const auto process = caf::to_string(self->current_sender()->node());
  if (has_name(known, what)) {
    consumers.told.take(what, process, now_ns); // Its first claim got here.
    return facts_of(core->life(), known);
  }
  if (what.claim != (known == nullptr ? 0 : known->claim) + 1) {
    ++consumers.refused;
    return to_caf(replaced(what));
  }
  if (known == nullptr && state.consumers.size() >= consumers_max)
    return to_caf(too_many(what.consumer));
  const auto* other = consumers.told.connected(what.consumer, now_ns);
  if (other != nullptr && other->holder == what.holder)
    other = nullptr; // It asks anew.
  auto fault
    = core->propose_floors({{{what.consumer, what.needs_from, what.claim,
                              what.holder, env->clock->now_ns(), true}}});
  if (fault)
    return to_caf(fault);
  auto promise = self->make_response_promise<consumer_facts>();
  consumers.floors.push_back({what, process,
                              other == nullptr ? std::string{} : other->process,
                              now_ns + floor_patience_ns, promise});
  progress(core->advance());
  return promise;
}

error sequencer_state::too_many(const std::string& consumer) {
  ++consumers.refused;
  error out{
    errc::limit_exceeded,
    "stream '" + core->options().stream + "': " + name_of(consumer)
      + " cannot be registered: there are " + std::to_string(consumers_max)
      + ", which is the most; 'millrace consumer rm' forgets those that "
        "are gone for good"};
  if (!std::exchange(consumers.told_full, true))
    settings.warn("consumers_full", out.context);
  return out;
}

/// It is agreed on that a subscription has the name from now on.
void sequencer_state::taken(const consumer_desk::waiting_floor& by) {
  const auto& what = by.what;
  consumers.told.take(what, by.process, env->clock->monotonic_ns());
  const auto floor = core->state()->consumers.at(what.consumer).floor;
  if (by.taken_from.empty())
    note("consumer", name_of(what.consumer) + " is a subscription of process "
                       + by.process + ", and the stream is kept for it from "
                       + to_string(floor) + " on");
  else
    warn("consumer_taken_over",
         name_of(what.consumer) + " is a subscription of process " + by.process
           + " now, and no more the one of process " + by.taken_from
           + ", which was there a moment ago and ends: one has the name at a "
             "time");
}

void sequencer_state::answer_floors() {
  const auto now_ns = env->clock->monotonic_ns();
  const bool leads = core->group().leads();
  std::erase_if(consumers.floors, [&](consumer_desk::waiting_floor& each) {
    const auto* known = consumer_of(core->state(), each.what.consumer);
    const auto claim = known == nullptr ? 0 : known->claim;
    if (is_agreed(known, each.what, core->out_end())) {
      if (each.what.step == consumer_floor::claims && leads)
        taken(each);
      auto facts = facts_of(core->life(), known);
      facts.taken_from = each.taken_from;
      each.promise.deliver(facts);
    } else if (claim >= each.what.claim && !has_name(known, each.what)) {
      ++consumers.refused;
      each.promise.deliver(to_caf(replaced(each.what)));
    } else if (leads && core->state() != nullptr && known == nullptr
               && core->state()->consumers.size() >= consumers_max) {
      each.promise.deliver(to_caf(too_many(each.what.consumer)));
    } else if (!leads || now_ns >= each.until_ns) {
      each.promise.deliver(to_caf(
        {errc::unavailable,
         "stream '" + core->options().stream
           + "': " + name_of(each.what.consumer)
           + (leads ? " is not agreed on yet; asked again, it may be"
                    : ": this node does not order the stream any more")}));
    } else {
      return false;
    }
    return true;
  });
  std::erase_if(consumers.forgets, [&](consumer_desk::waiting_forget& each) {
    if (consumer_of(core->state(), each.consumer) == nullptr) {
      consumers.told.forget(each.consumer);
      consumers.told_full = false;
      note("consumer", name_of(each.consumer)
                         + " is forgotten on demand, and nothing is kept for "
                           "it any more");
      each.promise.deliver(std::move(each.report));
    } else if (!leads || now_ns >= each.until_ns) {
      each.promise.deliver(
        to_caf({errc::unavailable,
                "stream '" + core->options().stream + "': whether "
                  + name_of(each.consumer)
                  + " is forgotten is not agreed on yet; ask again"}));
    } else {
      return false;
    }
    return true;
  });
}

/// Those of the configuration are known from the start, from what is there on:
/// another node that leads, with another configuration, keeps it too.
void sequencer_state::add_configured(std::vector<noted_floor>& into) {
  const auto now_ns = env->clock->monotonic_ns();
  if (now_ns < consumers.register_at_ns)
    return;
  consumers.register_at_ns = now_ns + floor_register_ns;
  const auto& all = core->state()->consumers;
  for (const auto& consumer : settings.consumers)
    if (!all.contains(consumer) && all.size() + into.size() < consumers_max)
      into.push_back({consumer, {}, 0, 0, 0, true});
}

void sequencer_state::mind_consumers() {
  const auto now_ns = env->clock->monotonic_ns();
  if (!core->group().leads())
    consumers.told.clear();
  if (!core->leads() || now_ns < consumers.look_at_ns)
    return;
  consumers.look_at_ns = now_ns + floor_look_ns;
  note_floors_now();
}

/// What is not taken now is proposed again.
void sequencer_state::note_floors_now() {
  const auto now_ns = env->clock->monotonic_ns();
  const auto wall_ns = env->clock->now_ns();
  note_floors what;
  add_configured(what.floors);
  for (const auto& [name, known] : core->state()->consumers)
    if (const auto* said = consumers.told.due(
          name, {known.floor, known.claim, known.holder, known.heard_ns},
          now_ns, wall_ns))
      what.floors.push_back({name, said->floor, said->claim, said->holder,
                             wall_ns - (now_ns - said->heard_at_ns), false});
  if (what.floors.empty() || !core->group().takes_proposals())
    return;
  auto fault = core->propose_floors(std::move(what));
  if (fault && fault.code != errc::unavailable)
    fail(fault);
}

/// As agreed on: whatever a node was told, and its configuration says, the
/// others know the same of it. One that is to be registered yet may need all.
archive_floors sequencer_state::floors() const {
  archive_floors out;
  for (const auto& consumer : settings.consumers)
    out.emplace(consumer, std::nullopt);
  if (const auto* state = core->state())
    for (const auto& [consumer, known] : state->consumers)
      out[consumer] = known.floor;
  return out;
}

bool sequencer_state::is_configured(const std::string& consumer) const {
  const auto& all = settings.consumers;
  return std::find(all.begin(), all.end(), consumer) != all.end();
}

caf::result<status_facts> sequencer_state::forget(const std::string& consumer,
                                                  bool dry) {
  if (!core->leads())
    return ask_leader<status_facts, operated_stream_actor>(forget_atom_v,
                                                           consumer, dry);
  const auto refuse = [&](errc code, const std::string& why) {
    return to_caf({code, "stream '" + core->options().stream
                           + "': " + name_of(consumer) + why});
  };
  const auto now_ns = env->clock->monotonic_ns();
  const auto* known = consumer_of(core->state(), consumer);
  if (is_configured(consumer))
    return refuse(errc::invalid_argument,
                  " is an rdb of the configuration, which may lose nothing; "
                  "take its [[process]] out of the configuration and start the "
                  "rt processes again, then it can be forgotten");
  if (known == nullptr)
    return refuse(errc::not_found, " is not known; 'millrace consumer ls' "
                                   "lists those that are");
  if (const auto* live = consumers.told.connected(consumer, now_ns))
    return refuse(errc::invalid_argument,
                  " is connected, from process " + live->process
                    + "; end that first, or it would lose what it still needs");
  auto files = archive->files_now();
  if (!files)
    return to_caf(files.failure());
  auto others = floors();
  others.erase(consumer);
  // What nobody else needs goes by the retention alone.
  auto next = core->out_end();
  for (const auto& [name, at] : others)
    next = std::min(next, at.value_or(position{}));
  const auto its = cut_at(*files, known->floor);
  const auto all = cut_at(*files, std::max(next, known->floor));
  status_facts report{{"stream", core->options().stream},
                      {"consumer", consumer},
                      {"needs_from", known->floor.value},
                      {"files", all.files - its.files},
                      {"bytes", all.bytes - its.bytes}};
  if (dry)
    return report;
  if (auto fault = core->propose_forget(consumer))
    return to_caf(fault);
  auto promise = self->make_response_promise<status_facts>();
  consumers.forgets.push_back(
    {consumer, std::move(report), now_ns + floor_patience_ns, promise});
  progress(core->advance());
  return promise;
}

void sequencer_state::tell_consumers(text::json_value& into) const {
  const auto now_ns = env->clock->monotonic_ns();
  const auto wall_ns = env->clock->now_ns();
  auto& rows = into.add("consumers", text::json_value::array());
  for (const auto& [consumer, agreed] : floors()) {
    const auto* known = consumer_of(core->state(), consumer);
    const auto* said = consumers.told.find(consumer);
    auto at = agreed;
    auto heard_ns = known == nullptr ? 0 : known->heard_ns;
    if (said != nullptr) {
      at = std::max(at.value_or(position{}), said->floor);
      heard_ns = wall_ns - (now_ns - said->heard_at_ns);
    }
    auto row = consumer_row(consumer, at);
    row.add("agreed",
            agreed ? text::json_value{agreed->value} : text::json_value{});
    row.add("configured", is_configured(consumer));
    row.add("connected", consumers.told.connected(consumer, now_ns) != nullptr);
    row.add("process", said == nullptr ? std::string{} : said->process);
    row.add("heard_ns",
            heard_ns == 0 ? text::json_value{} : text::json_value{heard_ns});
    const auto lag = at ? growth.trace().lag_of(*at, now_ns) : std::nullopt;
    row.add("lag", lag ? to_json(*lag) : text::json_value{});
    rows.add(std::move(row));
  }
  into.add("consumers_refused", consumers.refused);
}

} // namespace millrace::rt
