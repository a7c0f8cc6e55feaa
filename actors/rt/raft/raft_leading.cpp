#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/base/result.hpp>

#include <algorithm>
#include <functional>

namespace millrace::rt {

void raft_core::begin_to_lead(int64_t now_ns) {
  role_ = role_type::leader;
  leader_ = options_.self;
  stood_in_vain_ = 0;
  ballots_.clear();
  for (const auto& each : members().members())
    if (each.id != options_.self)
      peers_.emplace_back(each.id, log_.last_index().next(), now_ns);
  append_entry({vote_.term, raft_entry_kind::no_op});
  term_begin_ = log_.last_index();
  heartbeat_at_ns_ = now_ns + options_.heartbeat_ns;
  send_to_all();
}

void raft_core::lead(int64_t now_ns) {
  if (!majority_heard(now_ns))
    return follow(std::nullopt, now_ns);
  if (handover_ && now_ns >= handover_->until_ns) {
    tell(transfer_failed{handover_->to});
    handover_.reset();
  }
  if (now_ns < heartbeat_at_ns_)
    return;
  heartbeat_at_ns_ = now_ns + options_.heartbeat_ns;
  for (auto& each : peers_)
    send_heartbeat(each, now_ns);
  hand_over_when_ready();
}

void raft_core::take(const raft_message& from, const raft_append_response& what,
                     int64_t now_ns) {
  auto* to = peer(from.from);
  if (!to)
    return;
  if (std::max(what.durable, what.held) > log_.last_index())
    return refuse(from.from, refusal::malformed);
  to->heard_at_ns = now_ns;
  const bool more = to->accepted(what.durable, what.held);
  if (more)
    to->came_on_ns = now_ns;
  if (what.refusal && to->missed(what, log_) == raft_peer::answer_type::forgets)
    refuse(from.from, refusal::forgot);
  if (more)
    advance_commit(now_ns);
  // It may have stepped down, or forgotten this peer.
  if ((to = peer(from.from)))
    send_more(*to);
  hand_over_when_ready();
}

void raft_core::advance_commit(int64_t now_ns) {
  std::vector<entry_index> durable;
  if (members().votes(options_.self))
    durable.push_back(MILLRACE_PLANTED(lead_before_sync) ? log_.last_index()
                                                         : durability_.index());
  for (const auto& each : peers_)
    if (members().votes(each.id()))
      durable.push_back(each.durable());
  const auto nth = durable.begin()
                   + (MILLRACE_PLANTED(commit_without_a_majority)
                        ? 0
                        : static_cast<ptrdiff_t>(members().majority() - 1));
  std::nth_element(durable.begin(), nth, durable.end(), std::greater<>{});
  // An entry of an earlier term may still be replaced, however many have it:
  // it is committed by one of this term that comes after it.
  if (*nth <= group_committed_
      || (log_.term_at(*nth) != vote_.term
          && !MILLRACE_PLANTED(commit_an_earlier_term)))
    return;
  group_committed_ = *nth;
  send_to_all();
  settle_members(now_ns);
}

void raft_core::send_to_all() {
  for (auto& each : peers_)
    send_more(each);
}

void raft_core::send_more(raft_peer& to) {
  while (to.next() <= log_.last_index()) {
    if (to.requests_in_flight() >= options_.requests_in_flight_max)
      return;
    const auto window = to.window(options_.entries_in_flight_max);
    if (window == 0 || !send_append(to, window))
      return;
  }
  // At once: until it knows, its publishers do not hear what is merged there.
  if (to.told_committed < group_committed_
      && to.phase() == raft_peer::phase_type::replicating)
    (void)send_append(to, 0, true);
}

/// @returns whether it does not come on although it has entries that are not in
/// the log any more: what they name is nowhere, or its disk takes nothing.
bool raft_core::is_stuck(const raft_peer& to, int64_t now_ns) const {
  constexpr int64_t elections = 10;
  return to.phase() == raft_peer::phase_type::replicating && !to.leaves
         && to.durable() < log_.base().at.index
         && now_ns - to.came_on_ns > elections * options_.election_ns;
}

void raft_core::send_heartbeat(raft_peer& to, int64_t now_ns) {
  if (is_stuck(to, now_ns)) {
    to.begin_snapshot(log_.base().at.index);
    tell(snapshot_needed{to.id(), log_.base(), vote_.term});
  }
  switch (to.phase()) {
    case raft_peer::phase_type::probing:
      // Without entries: it answers at once. New ones it would acknowledge once
      // its disk has them, which may take longer than a leader is unheard.
      to.probe_again();
      (void)send_append(to, 0);
      break;
    case raft_peer::phase_type::replicating:
      // Asks whether all that was sent arrived.
      (void)send_append(to, 0);
      break;
    case raft_peer::phase_type::snapshot:
      say(to.id(), raft_append_request{});
      break;
  }
}

/// @returns false when what it needs is not in the log any more.
bool raft_core::send_append(raft_peer& to, uint64_t entries_max, bool notice) {
  const entry_index before{to.next().value - 1};
  const auto term = log_.term_at(before);
  if (!term) {
    if (!to.leaves) {
      to.begin_snapshot(log_.base().at.index);
      tell(snapshot_needed{to.id(), log_.base(), vote_.term});
    }
    return false;
  }
  raft_append_request request{
    {before, *term}, group_committed_, {}, log_.sum_at(before), notice};
  uint64_t bytes = 0;
  auto last = before;
  while (entries_max-- > 0 && last < log_.last_index()) {
    const auto& entry = log_.at(last.next());
    bytes += entry.bytes();
    if (bytes > options_.append_bytes_max && last > before)
      break;
    request.entries.push_back(entry);
    last = last.next();
  }
  to.told_committed
    = std::max(to.told_committed, std::min(group_committed_, last));
  to.sent(last);
  say(to.id(), std::move(request));
  return true;
}

raft_peer* raft_core::peer(const member_id& id) {
  const auto found
    = std::find_if(peers_.begin(), peers_.end(),
                   [&](const raft_peer& each) { return each.id() == id; });
  return found == peers_.end() ? nullptr : &*found;
}

bool raft_core::majority_heard(int64_t now_ns) const {
  size_t heard = members().votes(options_.self) ? 1 : 0;
  for (const auto& each : peers_)
    if (members().votes(each.id())
        && now_ns - each.heard_at_ns < options_.election_ns)
      ++heard;
  return heard >= members().majority();
}

} // namespace millrace::rt
