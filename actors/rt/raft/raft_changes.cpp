#include <millrace/actors/rt/raft/raft_core.hpp>

#include <algorithm>

namespace millrace::rt {

std::optional<raft_core::reason>
raft_core::why_not(const member_change& what) const {
  if (role_ != role_type::leader)
    return reason::not_leader;
  if (handover_)
    return reason::transferring;
  // With two changes at once, or one beside another leader's that it does not
  // know of, majorities need not meet.
  if (log_.members_index() > group_committed_ || group_committed_ < term_begin_)
    return reason::change_under_way;
  if (!members().after(what))
    return reason::no_such_change;
  if (what.kind == member_change::kind_type::promote) {
    const auto learner
      = std::find_if(peers_.begin(), peers_.end(), [&](const raft_peer& each) {
          return each.id() == what.member;
        });
    if (learner == peers_.end()
        || learner->durable().value + options_.entries_in_flight_max
             < group_committed_.value
        || learner->durable() < term_begin_)
      return reason::not_caught_up;
  }
  return std::nullopt;
}

void raft_core::take(change& what, int64_t now_ns) {
  if (const auto why = why_not(what.what))
    return tell(declined{*why, leader_});
  append_entry({vote_.term,
                raft_entry_kind::configuration,
                {},
                *members().after(what.what)});
  const auto at = log_.last_index();
  tell(proposed{at, at, vote_.term});
  match_peers(now_ns);
  send_to_all();
  // A smaller group may already have what a larger one had not.
  advance_commit(now_ns);
}

void raft_core::match_peers(int64_t now_ns) {
  for (const auto& each : members().members())
    if (each.id != options_.self && !peer(each.id))
      peers_.emplace_back(each.id, log_.last_index(), now_ns);
  std::sort(
    peers_.begin(), peers_.end(),
    [](const raft_peer& a, const raft_peer& b) { return a.id() < b.id(); });
  for (auto& each : peers_)
    each.leaves = !members().contains(each.id());
}

/// What follows when the members in force are committed.
void raft_core::settle_members(int64_t now_ns) {
  if (log_.members_index() > group_committed_)
    return;
  std::erase_if(peers_, [](const raft_peer& each) { return each.leaves; });
  if (members().votes(options_.self))
    return;
  if (const auto* next = furthest_voter(now_ns))
    say(next->id(), raft_timeout_now{});
  follow(std::nullopt, now_ns);
}

const raft_peer* raft_core::furthest_voter(int64_t now_ns) const {
  const raft_peer* best = nullptr;
  for (const auto& each : peers_)
    if (members().votes(each.id())
        && now_ns - each.heard_at_ns < options_.election_ns
        && (!best || each.durable() > best->durable()))
      best = &each;
  return best;
}

void raft_core::take(transfer& what, int64_t now_ns) {
  if (role_ != role_type::leader)
    return tell(declined{reason::not_leader, leader_});
  auto to = what.to;
  if (!to)
    if (const auto* best = furthest_voter(now_ns))
      to = best->id();
  if (!to || *to == options_.self || !members().votes(*to))
    return tell(declined{reason::no_such_voter, leader_});
  handover_ = handover{*to, now_ns + options_.election_ns};
  hand_over_when_ready();
}

void raft_core::hand_over_when_ready() {
  if (!handover_)
    return;
  if (const auto* to = peer(handover_->to);
      to && to->durable() == log_.last_index())
    say(handover_->to, raft_timeout_now{});
}

} // namespace millrace::rt
