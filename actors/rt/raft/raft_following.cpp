#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/messages/base/planted_bug.hpp>

#include <algorithm>

namespace millrace::rt {

void raft_core::take(const raft_message& from, raft_append_request what,
                     int64_t now_ns) {
  if (role_ == role_type::leader || (leader_ && leader_ != from.from))
    return refuse(from.from, refusal::second_leader);
  if (role_ != role_type::follower)
    follow(from.from, now_ns);
  leader_ = from.from;
  stood_in_vain_ = 0;
  waits_since_ns_ = now_ns;
  if (!well_formed(from, what))
    return refuse(from.from, refusal::malformed);
  // New entries are acknowledged when they are durable. All else is at once,
  // so that the leader hears that this member lives.
  if (!take_entries(from, what) && !what.notice)
    acknowledge();
}

bool raft_core::well_formed(const raft_message& from,
                            const raft_append_request& what) const {
  auto last = what.previous.term;
  if ((what.previous.index == entry_index{}) != (last == raft_term{}))
    return false;
  for (const auto& each : what.entries) {
    if (each.term < last || each.term == raft_term{}
        || (each.kind == raft_entry_kind::configuration)
             == each.members.empty())
      return false;
    last = each.term;
  }
  return last <= from.term;
}

/// Whether this member has another entry of the same index and term there: one
/// of its group voted twice in that term.
bool raft_core::forks(const raft_append_request& what) const {
  const auto here = log_.sum_at(what.previous.index);
  return what.previous_sum != 0 && here != 0 && here != what.previous_sum
         && log_.term_at(what.previous.index) == what.previous.term;
}

/// @returns whether the answer is given already, or follows with a report.
bool raft_core::take_entries(const raft_message& from,
                             raft_append_request& what) {
  const auto base = log_.base().at;
  auto at = what.previous;
  auto next = what.entries.begin();
  // What is below the base is committed, and agrees.
  for (; at.index < base.index && next != what.entries.end(); ++next)
    at = {at.index.next(), next->term};
  const auto settled = std::max(group_committed_, base.index);
  const bool is_other = forks(what);
  if (is_other
      || (at.index >= base.index && log_.term_at(at.index) != at.term)) {
    if (at.index <= settled) {
      refuse(from.from, refusal::against_committed);
      return true;
    }
    const auto hint = is_other ? log_.place(entry_index{at.index.value - 1})
                               : log_.last_at_most(at.index, at.term);
    say(from.from,
        raft_append_response{std::min(durability_.index(), agreed_), agreed_,
                             raft_append_response::missing{at.index, hint}});
    return true;
  }
  bool news = false;
  for (; next != what.entries.end(); ++next) {
    at = {at.index.next(), next->term};
    const auto here = log_.term_at(at.index);
    const bool is_here
      = here == at.term
        && (at.index <= base.index || log_.at(at.index) == *next);
    if (is_here || (here && MILLRACE_PLANTED(keep_entries_of_another_leader)))
      continue;
    if (here) {
      if (at.index <= std::max(settled, agreed_)) {
        refuse(from.from, refusal::against_committed);
        return true;
      }
      cut_log(at.index);
    }
    append_entry(std::move(*next));
    news = true;
  }
  agreed_ = std::max(agreed_, at.index);
  group_committed_
    = std::max(group_committed_, MILLRACE_PLANTED(commit_what_is_not_agreed)
                                   ? std::min(what.committed, log_.last_index())
                                   : std::min(what.committed, agreed_));
  return news;
}

void raft_core::acknowledge() {
  acknowledged_ = MILLRACE_PLANTED(follow_before_sync)
                    ? agreed_
                    : std::min(durability_.index(), agreed_);
  say(*leader_, raft_append_response{acknowledged_, agreed_});
}

} // namespace millrace::rt
