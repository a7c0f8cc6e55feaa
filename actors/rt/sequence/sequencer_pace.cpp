#include <millrace/actors/rt/sequence/sequencer.hpp>

// How long syncs take here and on the other nodes, and who is to lead for that.
// What is timed are the copies of inputs and the group's log: a stream waits
// for a sync of each. Those of checkpoints, which nobody waits for, are not.

namespace millrace::rt {

namespace {

/// Of the group's log, beside the numbers of copies, which begin at 1.
constexpr uint64_t group_log = 0;

std::string in_ms(int64_t ns) { return std::to_string(ns / 1'000'000) + " ms"; }

} // namespace

void sequencer_state::input_recorded(copy_id copy, position from, position to,
                                     const chunk& bytes) {
  core->recorded(copy, from, to, bytes);
  if (core->options().cached)
    return input_durable(copy, to);
  // What fills a gap before the end is told when it is durable already.
  auto& end = unsynced_ends[copy];
  if (to <= end)
    return;
  end = to;
  if (from == to)
    return; // Where a copy ends that was opened: it is durable.
  pace.began(copy.value, env->clock->monotonic_ns());
}

void sequencer_state::input_durable(copy_id copy, position end) {
  const auto now_ns = env->clock->monotonic_ns();
  pace.ended(copy.value, now_ns);
  // The sink goes on at once with what came meanwhile.
  if (!core->options().cached && end < unsynced_ends[copy])
    pace.began(copy.value, now_ns);
  core->durable(copy, end);
  progress(core->advance());
}

void sequencer_state::start_sync() {
  auto job = core->begin_sync();
  pace.began(group_log, env->clock->monotonic_ns());
  submit([job = std::move(job), world = env, me = sequencer_self_actor{self}] {
    world->crash_point("rt.before_commit");
    auto outcome = job.run();
    world->crash_point("rt.after_commit");
    caf::anon_send(me, committed_atom::value, job.end, to_caf(outcome));
  });
}

void sequencer_state::group_synced(position end, const caf::error& outcome) {
  pace.ended(group_log, env->clock->monotonic_ns());
  progress(core->finish_sync(end, from_caf(outcome)));
}

slow_lead::facts sequencer_state::pace_facts(int64_t now_ns) const {
  // Hellos come five times a second.
  constexpr int64_t lately_ns = 1'000'000'000;
  const auto& group = core->group();
  slow_lead::facts out;
  out.leads = group.leads();
  out.sync_ns = pace.sync_ns(now_ns);
  if (!group.founded())
    return out;
  const auto& raft = *group.raft();
  out.durable = raft.durable_index();
  for (const auto& member : raft.members().members()) {
    if (!member.votes || member.id == group.self())
      continue;
    slow_lead::other one{.who = member.id};
    if (const auto said = peer_paces.find(member.id.node);
        said != peer_paces.end() && now_ns - said->second.at_ns < lately_ns)
      one.sync_ns = said->second.sync_ns;
    for (const auto& peer : raft.peers())
      if (peer.id() == member.id) {
        one.durable = peer.durable();
        one.heard = now_ns - peer.heard_at_ns < raft_options{}.election_ns;
      }
    out.others.push_back(one);
  }
  return out;
}

/// In a cached stream nobody waits for a sync.
error sequencer_state::mind_pace(int64_t now_ns) {
  if (settings.peers.empty() || core->options().cached)
    return {};
  const auto facts = pace_facts(now_ns);
  const auto verdict = lead_judge.judge(facts, now_ns);
  if (verdict.slow && !is_slow)
    warn("slow_disk", "a sync takes " + in_ms(*facts.sync_ns)
                        + " here, more than slow_sync, and less on another "
                          "node: one of those is to lead the stream");
  else if (is_slow && !verdict.slow)
    note("slow_disk", "no other node's syncs are that much quicker any more; "
                      "this node may lead the stream");
  is_slow = verdict.slow;
  if (!verdict.to)
    return {};
  const auto* peer = peers->find(verdict.to->node);
  warn("slow_lead",
       "the lead goes to "
         + (peer != nullptr ? peer->at.name : to_string(*verdict.to))
         + ", whose disk is quicker");
  return core->group().hand_over(*verdict.to, now_ns);
}

text::json_value sequencer_state::pace_status() const {
  const auto took = pace.sync_ns(env->clock->monotonic_ns());
  return {{"sync_ms",
           took ? text::json_value{*took / 1'000'000} : text::json_value{}},
          {"slow", is_slow},
          {"hand_overs", lead_judge.hand_overs()}};
}

} // namespace millrace::rt
