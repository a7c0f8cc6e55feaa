#include <millrace/actors/rt/sequence/sequencer.hpp>

// How long syncs take here and on the other nodes, and who is to lead for that.
// What is timed are the copies of inputs and the group's log: a stream waits
// for a sync of each. Those of checkpoints, which nobody waits for, are not.
// And what becomes of a disk that refuses, or is full.

namespace millrace::rt {

namespace {

/// Of the group's log, beside the numbers of copies, which begin at 1.
constexpr uint64_t group_log = 0;

std::string in_ms(int64_t ns) { return std::to_string(ns / 1'000'000) + " ms"; }

} // namespace

disk_watch::disk_watch(sequencer_state& of, const sequencer_settings& how)
  : of_{of}, lead_judge_{how.slow_sync_ns}, trouble_{{.has_peers
                                                      = !how.peers.empty()}} {}

void disk_watch::recorded(copy_id copy, position from, position to,
                          const chunk& bytes) {
  of_.core->recorded(copy, from, to, bytes);
  if (of_.core->options().cached)
    return durable(copy, to);
  // What fills a gap before the end is told when it is durable already.
  auto& end = unsynced_ends_[copy];
  if (to <= end)
    return;
  end = to;
  if (from == to)
    return; // Where a copy ends that was opened: it is durable.
  pace_.began(copy.value, of_.env->clock->monotonic_ns());
}

void disk_watch::durable(copy_id copy, position end) {
  const auto now_ns = of_.env->clock->monotonic_ns();
  pace_.ended(copy.value, now_ns);
  // The sink goes on at once with what came meanwhile.
  if (!of_.core->options().cached && end < unsynced_ends_[copy])
    pace_.began(copy.value, now_ns);
  of_.core->durable(copy, end);
  of_.progress(of_.core->advance());
}

void disk_watch::start_sync() {
  auto job = of_.core->begin_sync();
  pace_.began(group_log, of_.env->clock->monotonic_ns());
  of_.submit([job = std::move(job), world = of_.env,
              me = sequencer_self_actor{of_.self}] {
    world->crash_point("rt.before_commit");
    auto outcome = job.run();
    world->crash_point("rt.after_commit");
    caf::anon_send(me, committed_atom::value, job.end, to_caf(outcome));
  });
}

void disk_watch::group_synced(position end, const caf::error& outcome) {
  pace_.ended(group_log, of_.env->clock->monotonic_ns());
  of_.progress(of_.core->finish_sync(end, from_caf(outcome)));
}

slow_lead::facts disk_watch::pace_facts(int64_t now_ns) const {
  // Hellos come five times a second.
  constexpr int64_t lately_ns = 1'000'000'000;
  const auto& group = of_.core->group();
  slow_lead::facts out;
  out.leads = group.leads();
  out.sync_ns = pace_.sync_ns(now_ns);
  if (!group.founded())
    return out;
  const auto& raft = *group.raft();
  out.durable = raft.durable_index();
  for (const auto& member : raft.members().members()) {
    if (!member.votes || member.id == group.self())
      continue;
    slow_lead::other one{.who = member.id};
    if (const auto said = peer_paces_.find(member.id.node);
        said != peer_paces_.end() && now_ns - said->second.at_ns < lately_ns)
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
error disk_watch::mind_pace(int64_t now_ns) {
  if (of_.settings.peers.empty() || of_.core->options().cached)
    return {};
  const auto facts = pace_facts(now_ns);
  const auto verdict = lead_judge_.judge(facts, now_ns);
  if (verdict.slow && !is_slow_)
    of_.warn("slow_disk", "a sync takes " + in_ms(*facts.sync_ns)
                            + " here, more than slow_sync, and less on another "
                              "node: one of those is to lead the stream");
  else if (is_slow_ && !verdict.slow)
    of_.note("slow_disk",
             "no other node's syncs are that much quicker any more; "
             "this node may lead the stream");
  is_slow_ = verdict.slow;
  if (!verdict.to)
    return {};
  const auto* peer = of_.peers->find(verdict.to->node);
  of_.warn("slow_lead",
           "the lead goes to "
             + (peer != nullptr ? peer->at.name : to_string(*verdict.to))
             + ", whose disk is quicker");
  return of_.core->group().hand_over(*verdict.to, now_ns);
}

text::json_value disk_watch::status() const {
  const auto took = pace_.sync_ns(of_.env->clock->monotonic_ns());
  return {{"sync_ms",
           took ? text::json_value{*took / 1'000'000} : text::json_value{}},
          {"slow", is_slow_},
          {"hand_overs", lead_judge_.hand_overs()}};
}

std::optional<int64_t> disk_watch::sync_ns(int64_t now_ns) const {
  return pace_.sync_ns(now_ns);
}

void disk_watch::heard(const peer_hello& what, int64_t now_ns) {
  peer_paces_[what.from.node]
    = {what.sync_ns == 0 ? std::nullopt : std::optional{what.sync_ns}, now_ns};
}

void disk_watch::forget(copy_id copy) {
  pace_.forget(copy.value);
  unsynced_ends_.erase(copy);
}

// -- trouble ------------------------------------------------------------------

/// This node orders nothing that it cannot write, and the others of its stream
/// may be well.
void disk_watch::troubled(const error& why) { step(disk_trouble::failed{why}); }

void disk_watch::mind() {
  const auto now_ns = of_.env->clock->monotonic_ns();
  step(disk_trouble::passed{of_.core->blocked()});
  if (auto fault = mind_pace(now_ns))
    return of_.fail(fault);
  const auto how = !trouble_.why().empty() ? stream_group::disk_health::failing
                   : is_slow_              ? stream_group::disk_health::slow
                                           : stream_group::disk_health::well;
  if (auto fault = of_.core->group().mind_disk(how, now_ns))
    return of_.fail(fault);
}

void disk_watch::step(const disk_trouble::input& what) {
  for (const auto& effect : trouble_.step(what, of_.env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void disk_watch::act(const disk_trouble::make_room&) {
  (void)of_.core->reserve()->give();
}

void disk_watch::act(const disk_trouble::struck& what) const {
  of_.warn("disk",
           to_string(what.why)
             + "; while this lasts, another node is to lead the stream");
}

void disk_watch::act(const disk_trouble::healed&) const {
  of_.note("disk", "it takes what comes again; this node may lead the stream");
}

void disk_watch::act(const disk_trouble::blocked& what) const {
  of_.warn("order_blocked", (of_.settings.peers.empty()
                               ? "nothing is ordered until "
                               : "nothing is merged on this node until ")
                              + to_string(what.why) + " is mended");
}

/// What is kept for a full disk: told when it goes, and taken again.
void disk_watch::mind_reserve() {
  constexpr int64_t again_ns = 1'000'000'000;
  const auto& reserve = of_.core->reserve();
  if (reserve->given() != told_reserve_) {
    told_reserve_ = reserve->given();
    if (told_reserve_)
      of_.warn(
        "reserve",
        of_.core->options().directory
          + ": the disk is full, and the room that was kept for this is in "
            "use: nothing new is taken in from publishers until there is "
            "more. Make room: files that nobody needs go by themselves");
    else
      of_.note("reserve", "the disk has room again: publishers are served");
  }
  const auto now_ns = of_.env->clock->monotonic_ns();
  if (*reserving_ || now_ns < reserve_at_ns_ || reserve->is_kept())
    return;
  reserve_at_ns_ = now_ns + again_ns;
  *reserving_ = true;
  of_.submit([reserve, running = reserving_] {
    (void)reserve->take();
    *running = false;
  });
}

} // namespace millrace::rt
