#include <millrace/tests/actors/raft/raft_checker.hpp>

#include <algorithm>

namespace millrace::rt {

void raft_disk::apply(const raft_core::persist& job, size_t parts) {
  const auto next = [&] { return parts > 0 && parts-- > 0; };
  if (job.vote && next())
    vote = *job.vote;
  if (job.from && next())
    log.cut(std::max(*job.from, log.base().at.index.next()));
  if (job.base && next()) {
    if (log.term_at(job.base->at.index) == job.base->at.term)
      log.compact(job.base->at.index);
    else
      log.restart(*job.base);
  }
  for (const auto& each : job.entries)
    if (next())
      log.append(each);
}

raft_recovered raft_disk::recovered() const {
  return {vote, log.base(), log.from(log.base().at.index.next())};
}

std::string content_of(const raft_entry& entry) {
  std::string out = std::to_string(static_cast<int>(entry.kind)) + ":";
  const auto bytes = entry.payload.bytes();
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const auto& each : entry.members.members())
    out += " " + to_string(each.id) + (each.votes ? "v" : "l");
  return out;
}

void raft_checker::fault(const member_id& self, const std::string& what) {
  faults_.push_back(to_string(self) + ": " + what);
}

void raft_checker::check(const observation& step, const group& all) {
  const auto self
    = std::find_if(all.begin(), all.end(), [&](const member_view& each) {
        return each.id == step.self;
      });
  check_alone(step, *self->disk);
  check_leader(step);
  for (const auto& effect : *step.effects) {
    const auto* sent = std::get_if<raft_core::send>(&effect);
    if (sent && self->named_index <= self->disk->log.last_index())
      check_message(step, sent->message, *self->disk, self->named_index);
    if (const auto* to = std::get_if<raft_core::committed>(&effect))
      check_commit(step, to->index, all);
  }
}

void raft_checker::check_alone(const observation& step, const raft_disk& disk) {
  const entry_index everything{~uint64_t{0}};
  for (const auto& effect : *step.effects) {
    if (const auto* job = std::get_if<raft_core::persist>(&effect))
      check_log(step, *job);
    else if (const auto* sent = std::get_if<raft_core::send>(&effect))
      check_message(step, sent->message, disk, everything);
    else if (const auto* no = std::get_if<raft_core::refused>(&effect);
             no && no->why != raft_core::refusal::not_for_this_member
             && no->why != raft_core::refusal::not_a_member)
      fault(step.self, "refused input " + std::to_string(int(no->why)));
  }
}

// Election Safety; Leader Append-Only; Leader Completeness, as it begins.
void raft_checker::check_leader(const observation& step) {
  const auto& core = *step.core;
  if (core.role() != raft_core::role_type::leader)
    return;
  const auto [known, is_new] = leaders_.try_emplace(core.term(), step.self);
  if (known->second != step.self)
    fault(step.self, "second leader of term " + to_string(core.term()));
  const bool led = step.role_before == raft_core::role_type::leader
                   && step.term_before == core.term();
  if (led && core.log().last_index() < step.last_before)
    fault(step.self, "a leader cut its log");
  if (!is_new && led)
    return;
  for (const auto& [index, what] : commits_)
    check_complete(step.self, core, index, what);
}

void raft_checker::check_complete(const member_id& id, const raft_core& leader,
                                  entry_index index, const commit& what) {
  if (leader.term() > what.known_in && index >= leader.log().base().at.index
      && leader.log().term_at(index) != what.entry_term)
    fault(id, "leads term " + to_string(leader.term()) + " without entry "
                + to_string(index) + ", committed in term "
                + to_string(what.known_in));
}

// Log Matching: by induction it is enough that each (index, term) stands for
// one content and one term before it. Leader Append-Only.
void raft_checker::check_log(const observation& step,
                             const raft_core::persist& job) {
  if (!job.from)
    return;
  const bool leads = step.role_before == raft_core::role_type::leader
                     && step.term_before == step.core->term()
                     && step.core->role() == raft_core::role_type::leader;
  if (leads && *job.from <= step.last_before)
    fault(step.self, "a leader replaced entries");
  auto index = *job.from;
  const auto before = step.core->log().term_at(entry_index{index.value - 1});
  auto previous = before.value_or(raft_term{});
  for (const auto& each : job.entries) {
    const std::pair what{content_of(each), previous};
    const auto [known, is_new]
      = entries_.try_emplace(std::pair{index, each.term}, what);
    if (!is_new && known->second != what)
      fault(step.self, "logs differ before or at " + to_string(index)
                         + " of term " + to_string(each.term));
    previous = each.term;
    index = index.next();
  }
}

// State Machine Safety; Leader Completeness of those that lead already; and
// that a majority holds what makes a leader call something committed.
void raft_checker::check_commit(const observation& step, entry_index to,
                                const group& all) {
  const auto& log = step.core->log();
  auto& reported = reported_[step.self];
  if (to <= reported)
    fault(step.self, "committed " + to_string(to) + " twice");
  auto index = std::max(reported, log.base().at.index).next();
  reported = to;
  for (; index <= to; index = index.next()) {
    const auto& entry = log.at(index);
    const commit what{entry.term, step.core->term(), content_of(entry)};
    const auto [known, is_new] = commits_.try_emplace(index, what);
    if (known->second.entry_term != what.entry_term
        || known->second.content != what.content)
      fault(step.self, "committed another entry at " + to_string(index));
    if (is_new)
      for (const auto& each : all)
        if (each.core && each.core->role() == raft_core::role_type::leader)
          check_complete(each.id, *each.core, index, what);
  }
  if (step.core->role() != raft_core::role_type::leader)
    return;
  // What commits is an entry of the leader's own term; others go along.
  for (auto by = to; by <= log.last_index(); by = by.next()) {
    if (log.term_at(by) != step.core->term())
      continue;
    size_t holders = 0;
    for (const auto& each : all)
      if (step.core->members().votes(each.id) && each.named_index >= by
          && (each.disk->log.base().at.index >= by
              || each.disk->log.term_at(by) == log.term_at(by)))
        ++holders;
    if (holders >= step.core->members().majority())
      return;
  }
  fault(step.self, "committed " + to_string(to)
                     + ", without a majority that holds an entry of its term");
}

// What a member says it must be able to say after a crash.
void raft_checker::check_message(const observation& step,
                                 const raft_message& what,
                                 const raft_disk& disk, entry_index named) {
  const auto* asked = std::get_if<raft_vote_request>(&what.body);
  const auto* voted = std::get_if<raft_vote_response>(&what.body);
  const bool pre
    = (asked && asked->pre) || (voted && voted->pre && voted->granted);
  if (disk.vote.term < step.core->term()
      || (!pre && what.term != step.core->term()))
    fault(step.self,
          "spoke of term " + to_string(what.term) + " before it was durable");
  if (voted && voted->granted && !voted->pre
      && disk.vote != raft_vote{what.term, what.to})
    fault(step.self, "told a vote that is not durable");
  if (asked && !asked->pre
      && (asked->last > disk.log.last() || asked->last.index > named))
    fault(step.self, "stands with what is not durable");
  if (const auto* held = std::get_if<raft_append_response>(&what.body)) {
    const auto index = held->durable;
    if (index > disk.log.last_index() || index > named)
      fault(step.self,
            "acknowledged " + to_string(index) + " before it was durable");
    else if (index > disk.log.base().at.index
             && index > step.core->log().base().at.index
             && disk.log.term_at(index) != step.core->log().term_at(index))
      fault(step.self, "acknowledged " + to_string(index)
                         + ", where another entry is durable");
  }
}

} // namespace millrace::rt
