#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <algorithm>
#include <utility>

// How publishers become writers of their origins, and what becomes of those
// that others take the place of.

namespace millrace::rt {

namespace {

/// Who asks has given up by then.
constexpr int64_t claim_patience_ns = 2'800'000'000;
/// A node that copied what was agreed on sees who is fenced now and then.
constexpr int64_t look_interval_ns = 1'000'000'000;

using standing = sequencer_core::standing_type;

error not_merged(const input_offer& what) {
  return {errc::unavailable, "publisher directory '" + what.directory
                               + "': not all of it is merged yet"};
}

} // namespace

/// A publisher may reach nodes that do not lead, and no other: they ask for it,
/// once all that they hold of its log is merged.
caf::result<flow_grant> sequencer_state::origin_facts(const input_offer& what) {
  const input_name name{what.directory, what.lineage};
  const auto copy = core->inputs().find(name);
  if (!copy || !core->settled(*copy))
    return to_caf(not_merged(what));
  if (!core->leads())
    return ask_leader<flow_grant>(origin_atom_v, what);
  flow_grant answer;
  switch (core->standing_of(what.origin, name, what.life)) {
    case standing::fenced:
      return to_caf(core->why_fenced(what.origin, what.directory));
    case standing::writes:
      tell(what.origin, answer);
      return answer;
    case standing::none:
      break;
  }
  answer.epoch = core->epoch_of(what.origin);
  // Who has not heard of the last writer does not come after it.
  if (what.seen != answer.epoch)
    return answer;
  return claim(what);
}

caf::result<flow_grant> sequencer_state::claim(const input_offer& what) {
  auto found = waiting_claims.by_origin.find(what.origin);
  if (found != waiting_claims.by_origin.end()
      && found->second.what.life != what.life)
    return to_caf({errc::unavailable,
                   "origin '" + what.origin + "': publisher directory '"
                     + found->second.what.directory + "' claims it now"});
  if (found == waiting_claims.by_origin.end()) {
    std::map<copy_id, position> fenced;
    for (const auto& name :
         core->fenced_by_claim(what.origin, {what.directory, what.lineage}))
      if (const auto copy = core->inputs().find(name)) {
        const auto end
          = std::max(core->inputs().recorded_end(*copy), core->merged(*copy));
        fenced.emplace(*copy, end);
        core->hold_back(*copy, end);
      }
    std::set<node_id> nodes;
    for (const auto& peer : peers->all())
      if (peer.handle)
        nodes.insert(peer.at.node);
    found
      = waiting_claims.by_origin
          .emplace(what.origin,
                   pending_claims::claim{what,
                                         {std::move(fenced), std::move(nodes),
                                          env->clock->monotonic_ns()},
                                         false,
                                         {}})
          .first;
  }
  auto promise = self->make_response_promise<flow_grant>();
  found->second.promises.push_back(promise);
  mind_claims();
  progress(core->advance());
  return promise;
}

/// Another node says what it holds: what a publisher that is fenced brought to
/// it alone counts, too.
void sequencer_state::heard_of_claims(const peer_hello& what) {
  std::map<copy_id, position> held;
  for (const auto& input : what.inputs)
    if (const auto copy = core->inputs().find({input.directory, input.lineage}))
      held.emplace(*copy, input.to);
  for (auto& [origin, each] : waiting_claims.by_origin) {
    each.wait.heard(what.from.node, held);
    if (!each.proposed)
      for (const auto& [copy, end] : each.wait.until()) {
        core->release(copy);
        core->hold_back(copy, end);
      }
  }
}

void sequencer_state::mind_claims() {
  auto& all = waiting_claims.by_origin;
  for (auto each = all.begin(); each != all.end();) {
    const auto answer = judge_claim(each->second);
    if (!answer) {
      ++each;
      continue;
    }
    for (auto& promise : each->second.promises)
      if (*answer)
        promise.deliver(**answer);
      else
        promise.deliver(to_caf(answer->failure()));
    for (const auto& [copy, end] : each->second.wait.until())
      core->release(copy);
    each = all.erase(each);
  }
}

/// What is said to those that wait for it, if anything is by now.
std::optional<result<flow_grant>>
sequencer_state::judge_claim(pending_claims::claim& each) {
  const auto now_ns = env->clock->monotonic_ns();
  const auto& origin = each.what.origin;
  const input_name name{each.what.directory, each.what.lineage};
  if (!core->leads())
    return error{errc::unavailable, "stream '" + core->options().stream
                                      + "': this node does not order it any "
                                        "more"};
  const auto now = core->standing_of(origin, name, each.what.life);
  flow_grant answer;
  if (now == standing::writes && core->settled(*core->inputs().find(name))) {
    tell(origin, answer);
    return answer;
  }
  answer.epoch = core->epoch_of(origin);
  if (now != standing::writes && answer.epoch != each.what.seen)
    return answer;
  if (now_ns - each.wait.since_ns() >= claim_patience_ns)
    return not_merged(each.what);
  // What is not taken now is tried again.
  if (!each.proposed && each.wait.is_over(now_ns, [this](copy_id copy) {
        return core->merged(copy);
      }))
    each.proposed = !core->propose_claim(origin, name, each.what.life);
  return std::nullopt;
}

/// A publisher that another one took the place of hears so at once, and so does
/// those who look after this node.
void sequencer_state::mind_fenced() {
  const auto now_ns = env->clock->monotonic_ns();
  waiting_claims.look_at_ns = now_ns + look_interval_ns;
  std::vector<flow_id> gone;
  for (const auto& [flow, each] : publishers) {
    const auto& name = core->inputs().name(each.copy);
    if (core->standing_of(each.origin, name, each.life) == standing::fenced)
      gone.push_back(flow);
  }
  for (const auto flow : gone) {
    const auto each = publishers.at(flow);
    const auto why
      = core->why_fenced(each.origin, core->inputs().name(each.copy).directory);
    self->send(each.pusher, refused_atom_v, to_caf(why));
    note_fenced(each.origin, each.copy, each.life);
    waiting_claims.fenced.push_back({each.origin, each.pusher});
    publishers.erase(flow);
  }
}

void sequencer_state::note_fenced(const std::string& origin, copy_id copy,
                                  uint64_t life) {
  if (!waiting_claims.told.emplace(copy, life).second)
    return;
  ++waiting_claims.fences;
  const auto& name = core->inputs().name(copy);
  const auto why = core->why_fenced(origin, name.directory);
  warn("fenced", to_string(why));
  loss what;
  what.kind = "fenced";
  what.origin = origin;
  what.input = to_string(name);
  what.from = core->merged(copy);
  what.to = std::max(what.from, core->inputs().recorded_end(copy));
  what.cause = to_string(why);
  note_loss(std::move(what));
}

/// Of those that are not connected here only what was not merged is of
/// interest: a publisher that ended, and was merged, lost nothing. What a later
/// life of it brings waits for the claim of that.
void sequencer_state::claimed(const origin_claimed& what) {
  mind_fenced();
  const auto& state = *core->state();
  for (const auto& each : what.fenced) {
    const auto& input = state.inputs.at(each.input);
    const auto copy = core->inputs().find({input.directory, input.lineage});
    const bool comes_again
      = std::any_of(publishers.begin(), publishers.end(), [&](const auto& one) {
          return one.second.copy == copy && one.second.life != each.life;
        });
    if (copy && !comes_again
        && core->inputs().recorded_end(*copy) > core->merged(*copy))
      note_fenced(what.origin, *copy, each.life);
  }
}

text::json_value
sequencer_state::origin_status(const std::string& name,
                               const merge_origin& origin) const {
  text::json_value out{{"last_id", origin.watermark},
                       {"duplicates", origin.duplicates}};
  const auto& all = core->state()->claims;
  if (const auto claim = all.find(name); claim != all.end()) {
    out.add("epoch", claim->second.epoch);
    out.add("replicated", claim->second.shared);
    auto& writers = out.add("writers", text::json_value::array());
    for (const auto& each : core->writers_of(name))
      writers.add(each);
  }
  return out;
}

/// It is offered again and again.
void sequencer_state::note_refused(const input_name& input, const error& why,
                                   position at) {
  if (!refused_inputs.insert(input).second)
    return;
  warn("input_refused", to_string(why));
  loss what;
  what.kind = "refused";
  what.input = to_string(input);
  what.from = what.to = at;
  what.cause = to_string(why);
  note_loss(std::move(what));
}

/// Of a group they may come before its stream has begun this life.
void sequencer_state::note_earlier_lives() {
  const auto* raft = core->group().raft();
  if (unnoted_lives.empty() || !core->life().is_known() || raft == nullptr
      || !raft->leader())
    return; // It may be the one that is of an earlier life.
  for (const auto& [copy, said] : std::exchange(unnoted_lives, {}))
    if (said.merged_by != core->life())
      note_earlier_life(copy, said);
}

/// A publisher's log was merged by a life of the stream of which this one
/// knows nothing: somebody took that away, and with it what publishers have let
/// go since.
void sequencer_state::note_earlier_life(copy_id copy, const input_offer& of) {
  loss what;
  what.kind = "life_lost";
  what.origin = of.origin;
  what.input = to_string(core->inputs().name(copy));
  what.to = of.merged;
  what.cause = "life " + to_string(of.merged_by)
               + " of the stream had merged this log up to "
               + to_string(of.merged)
               + " at least, and this one knows nothing of it: what that life "
                 "had, and publishers do not have any more, is lost";
  // Publishers come again and again, and this node begins again.
  if (core->losses().tells(what))
    return;
  warn("life_lost", what.input + ": " + what.cause);
  note_loss(std::move(what));
}

/// What it says of itself is not believed to be text.
void sequencer_state::publisher_refused(const input_offer& what) {
  const input_name input{what.directory, what.lineage};
  const auto copy = core->inputs().find(input);
  if (what.stream != core->options().stream || !copy) {
    ++strange_messages;
    return;
  }
  const auto at = core->inputs().recorded_end(*copy);
  note_refused(
    input,
    {errc::fenced,
     "publisher directory '" + what.directory
       + "': its publisher has other messages than the stream has up to "
       + to_string(at)
       + ": its log was copied or put back, and published elsewhere; "
         "what it has is not sent, and its publisher says what to do"},
    at);
}

} // namespace millrace::rt
