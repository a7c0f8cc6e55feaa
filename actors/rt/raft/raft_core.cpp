#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/base/result.hpp>

#include <algorithm>
#include <iterator>

namespace millrace::rt {

namespace {

/// Waits for votes grow no further after that: 32 times as long.
constexpr uint32_t in_vain_max = 5;

bool is_answer(const raft_message& what) {
  return std::holds_alternative<raft_vote_response>(what.body)
         || std::holds_alternative<raft_append_response>(what.body);
}

/// After `newer` nobody needs `older`: what is held back stays bounded.
bool replaces(const raft_message& newer, const raft_message& older) {
  if (newer.to != older.to || newer.body.index() != older.body.index())
    return false;
  const auto* a = std::get_if<raft_vote_response>(&newer.body);
  const auto* b = std::get_if<raft_vote_response>(&older.body);
  return !a || a->pre == b->pre;
}

} // namespace

raft_core::raft_core(raft_options options, raft_recovered found, int64_t now_ns)
  : options_{options}, log_{std::move(found.base), std::move(found.entries)},
    durability_{log_.last_index()}, vote_{found.vote},
    committed_{log_.base().at.index}, group_committed_{std::max(
                                        committed_, found.committed)},
    agreed_{group_committed_}, waits_since_ns_{now_ns} {
  MILLRACE_ASSERT(group_committed_ <= log_.last_index());
  MILLRACE_ASSERT(vote_.term >= log_.last().term);
  MILLRACE_ASSERT(options_.election_ns > options_.heartbeat_ns
                  && options_.heartbeat_ns > 0);
  MILLRACE_ASSERT(options_.entries_in_flight_max > 0);
  await_election(now_ns);
}

std::vector<raft_core::effect> raft_core::step(input what, int64_t now_ns) {
  const became before{role_, vote_.term, leader_};
  std::visit([&](auto& kind) { take(kind, now_ns); }, what);
  std::vector<effect> out;
  if (before.role != role_ || before.term != vote_.term
      || before.leader != leader_)
    out.push_back(became{role_, vote_.term, leader_});
  finish(out);
  return out;
}

void raft_core::finish(std::vector<effect>& out) {
  if (changes_.members)
    out.push_back(configured{log_.members()});
  if (changes_.vote || changes_.base || changes_.from) {
    persist job;
    job.ticket = durability_.begin(changes_.vote);
    if (changes_.vote)
      job.vote = vote_;
    if (changes_.base)
      job.base = log_.base();
    if (changes_.from) {
      job.from = std::max(*changes_.from, log_.base().at.index.next());
      job.entries = log_.from(*job.from);
    }
    out.push_back(std::move(job));
  }
  std::move(changes_.told.begin(), changes_.told.end(),
            std::back_inserter(out));
  if (durability_.vote_is_durable() || MILLRACE_PLANTED(vote_before_sync)) {
    for (auto& each : held_back_)
      out.push_back(send{std::move(each)});
    held_back_.clear();
    for (auto& each : changes_.messages)
      out.push_back(send{std::move(each)});
  } else {
    for (auto& each : changes_.messages) {
      std::erase_if(held_back_, [&](const raft_message& older) {
        return replaces(each, older);
      });
      held_back_.push_back(std::move(each));
    }
  }
  if (const auto to = MILLRACE_PLANTED(lead_before_sync)
                        ? group_committed_
                        : std::min(group_committed_, durability_.index());
      to > committed_) {
    committed_ = to;
    out.push_back(committed{to});
  }
  changes_ = {};
}

void raft_core::refuse(const member_id& from, refusal why) {
  tell(refused{from, why});
}

void raft_core::say(const member_id& to, decltype(raft_message::body) body,
                    std::optional<raft_term> term) {
  changes_.messages.push_back(
    {options_.self, to, term.value_or(vote_.term), std::move(body)});
}

void raft_core::append_entry(raft_entry entry) {
  if (entry.kind == raft_entry_kind::configuration)
    changes_.members = true;
  log_.append(std::move(entry));
  const auto at = log_.last_index();
  changes_.from = std::min(changes_.from.value_or(at), at);
  durability_.keep(entry_index{at.value - 1});
}

void raft_core::cut_log(entry_index from) {
  if (log_.members_index() >= from)
    changes_.members = true;
  log_.cut(from);
  const auto last = log_.last_index();
  changes_.from = std::min(changes_.from.value_or(from), from);
  durability_.keep(last);
  group_committed_ = std::min(group_committed_, last);
  agreed_ = std::min(agreed_, last);
}

// -- what happens -------------------------------------------------------------

void raft_core::take(tick&, int64_t now_ns) {
  if (role_ == role_type::leader)
    return lead(now_ns);
  const bool stands = role_ == role_type::candidate;
  if (!stands && may_stand() && members().is_alone(options_.self))
    return stand(false, now_ns);
  // Elections of others end, or go round again, long before that.
  constexpr int64_t ample = 8;
  if (now_ns - waits_since_ns_ < waits_ns_ * (disk_is_well_ ? 1 : ample))
    return;
  if (stands && !durability_.vote_is_durable())
    return await_election(now_ns);
  if (stands)
    stood_in_vain_ = std::min(stood_in_vain_ + 1, in_vain_max);
  if (may_stand())
    return begin_pre_vote(now_ns);
  follow(std::nullopt, now_ns);
}

void raft_core::take(received& what, int64_t now_ns) {
  auto& message = what.message;
  if (message.to != options_.self || message.from == options_.self)
    return refuse(message.from, refusal::not_for_this_member);
  if (is_answer(message) && !members().contains(message.from)
      && !peer(message.from))
    return refuse(message.from, refusal::not_a_member);
  if (message.term > vote_.term && changes_term(message, now_ns)) {
    enter_term(message.term);
    await_election(now_ns);
  }
  if (message.term < vote_.term) {
    // Its sender must hear that there is a later term, or it stays behind.
    if (const auto* vote = std::get_if<raft_vote_request>(&message.body))
      say(message.from, raft_vote_response{vote->pre, false});
    else if (std::holds_alternative<raft_append_request>(message.body))
      say(message.from, raft_append_response{});
    return;
  }
  if (auto* append = std::get_if<raft_append_request>(&message.body)) {
    auto entries = std::move(*append);
    return take(message, std::move(entries), now_ns);
  }
  std::visit(
    [&](const auto& body) {
      if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(body)>,
                                    raft_append_request>)
        take(message, body, now_ns);
    },
    message.body);
}

void raft_core::take(propose& what, int64_t) {
  MILLRACE_ASSERT(!what.payloads.empty());
  if (role_ != role_type::leader)
    return tell(declined{reason::not_leader, leader_});
  if (handover_)
    return tell(declined{reason::transferring, handover_->to});
  if (log_.bytes_after(group_committed_) >= options_.uncommitted_bytes_max)
    return tell(declined{reason::too_much_uncommitted, leader_});
  const auto first = log_.last_index().next();
  for (auto& each : what.payloads)
    append_entry({vote_.term, raft_entry_kind::payload, std::move(each)});
  tell(proposed{first, log_.last_index(), vote_.term});
  send_to_all();
}

bool raft_core::takes_proposals() const noexcept {
  return role_ == role_type::leader && !handover_
         && log_.bytes_after(group_committed_) < options_.uncommitted_bytes_max;
}

void raft_core::take(persisted& what, int64_t now_ns) {
  const bool vote_was_durable = durability_.vote_is_durable();
  if (!durability_.done(what.ticket, what.index, log_.last_index()))
    return refuse(options_.self, refusal::report_out_of_order);
  switch (role_) {
    case role_type::candidate:
      if (!vote_was_durable && durability_.vote_is_durable())
        count({options_.self, true}, now_ns);
      break;
    case role_type::leader:
      advance_commit(now_ns);
      break;
    case role_type::pre_candidate:
    case role_type::follower:
      if (leader_ && std::min(durability_.index(), agreed_) > acknowledged_)
        acknowledge();
      break;
  }
}

void raft_core::take(compacted& what, int64_t) {
  if (what.index > committed_)
    return refuse(options_.self, refusal::not_committed);
  if (what.index <= log_.base().at.index)
    return;
  log_.compact(what.index);
  changes_.base = true;
}

void raft_core::take(snapshot_installed& what, int64_t now_ns) {
  if (what.term > vote_.term) {
    enter_term(what.term);
    await_election(now_ns);
  }
  const auto at = what.base.at;
  if (at.index <= committed_)
    return;
  if (log_.term_at(at.index) == at.term) {
    log_.compact(at.index);
  } else {
    if (role_ == role_type::leader)
      return refuse(options_.self, refusal::against_committed);
    if (role_ != role_type::follower)
      follow(std::nullopt, now_ns);
    // Until the new base is durable a crash brings the old log back, of which
    // the snapshot confirms what was committed.
    durability_.keep(committed_);
    log_.restart(std::move(what.base));
    changes_.from = at.index.next();
    changes_.members = true;
  }
  changes_.base = true;
  committed_ = at.index;
  group_committed_ = std::max(group_committed_, at.index);
  agreed_ = std::max(agreed_, at.index);
}

/// What is in a snapshot is committed: who has the same entry in its place has
/// all before it as well.
void raft_core::take(snapshot_offered& what, int64_t) {
  if (what.term != vote_.term || role_ != role_type::follower || !leader_
      || log_.term_at(what.at.index) != what.at.term)
    return;
  agreed_ = std::max(agreed_, what.at.index);
  group_committed_ = std::max(group_committed_, what.at.index);
  acknowledge();
}

void raft_core::take(snapshot_sent& what, int64_t) {
  if (auto* to = peer(what.to))
    to->end_snapshot(what.delivered);
}

} // namespace millrace::rt
