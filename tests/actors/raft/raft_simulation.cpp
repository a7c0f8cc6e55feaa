#include <millrace/tests/actors/raft/raft_simulation.hpp>

#include <algorithm>
#include <cmath>

namespace millrace::rt {

using role = raft_core::role_type;

namespace {

std::vector<uint64_t> numbers(uint64_t count) {
  std::vector<uint64_t> out;
  for (uint64_t i = 1; i <= count; ++i)
    out.push_back(i);
  return out;
}

} // namespace

raft_simulation::raft_simulation(uint64_t seed, uint64_t voters, defect broken)
  : random_{seed}, group_{numbers(voters), seed}, defect_{broken} {
  group_.persists = false;
  group_.delivers_snapshots = false;
  drop_ = 0.03 * static_cast<double>(below(4));
  slow_disk_ = 0.05 + 0.1 * static_cast<double>(below(8));
  leaders_fall_ = 0.005 * static_cast<double>(below(4));
  late_bytes_ = 0.1 * static_cast<double>(below(4));
  for (auto& [id, host] : group_.hosts()) {
    host.options.entries_in_flight_max = 1 + below(8);
    host.options.append_bytes_max = 32 + below(200);
    host.options.requests_in_flight_max = 1 + static_cast<uint32_t>(below(3));
    group_.restart(host);
  }
}

bool raft_simulation::chance(double probability) {
  return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

raft_host& raft_simulation::any_host() {
  return std::next(group_.hosts().begin(),
                   static_cast<ptrdiff_t>(below(group_.hosts().size())))
    ->second;
}

void raft_simulation::run_with_faults(int64_t milliseconds) {
  for (const auto end = now_ms_ + milliseconds; now_ms_ < end;) {
    break_something();
    one_millisecond(true);
  }
}

void raft_simulation::one_millisecond(bool faults) {
  ++now_ms_;
  for (auto& [id, host] : group_.hosts()) {
    const auto rate
      = clock_rates_
          .try_emplace(id, 0.8 + 0.01 * static_cast<double>(below(40)))
          .first->second;
    host.now_ns += std::llround(1e6 * rate);
    if (chance(0.15))
      group_.step(host, raft_core::tick{});
    use_disk(host, faults);
  }
  send_messages(faults);
  deliver_messages();
  deliver_snapshots(faults);
  if (now_ms_ % 100 == 0)
    go_on_replacing();
}

void raft_simulation::use_disk(raft_host& host, bool faults) {
  if (!host.core)
    return;
  // Some of what is asked to be written names bytes that are not here yet.
  auto& seen = jobs_seen_[host.id];
  for (; seen < host.jobs.size(); ++seen) {
    auto index = host.jobs[seen].from.value_or(entry_index{});
    for (const auto& each : host.jobs[seen].entries) {
      if (faults && each.kind == raft_entry_kind::payload
          && chance(late_bytes_))
        host.lacking.insert({index, each.term});
      index = index.next();
    }
  }
  if (!host.lacking.empty() && chance(faults ? 0.02 : 0.5)) {
    host.lacking.erase(host.lacking.begin());
    untold_.insert(host.id);
  }
  if (untold_.contains(host.id) && chance(faults ? 0.3 : 1)) {
    untold_.erase(host.id);
    group_.report(host);
  }
  if (host.jobs.empty() || (faults && !chance(slow_disk_)))
    return;
  if (defect_ == defect::reports_too_early && chance(0.5)) {
    const auto& job = host.jobs.back();
    const auto last = host.core->log().last_index();
    host.ticket_done = job.ticket;
    group_.step(host, raft_core::persisted{job.ticket, last});
    return;
  }
  const auto count = 1 + below(3);
  group_.run_jobs(host, count);
  seen = host.jobs.size();
  if (defect_ == defect::ignores_bytes)
    group_.step(
      host, raft_core::persisted{host.ticket_done, host.disk.log.last_index()});
  else
    untold_.insert(host.id);
}

void raft_simulation::send_messages(bool faults) {
  for (auto& each : group_.network) {
    if (group_.is_cut(each.from.node.value, each.to.node.value))
      continue;
    if (faults && chance(drop_))
      continue;
    if (faults && chance(0.02))
      messages_.push_back(
        {now_ms_ + 1 + static_cast<int64_t>(below(400)), each});
    const auto delay = faults && chance(0.1) ? below(150) : below(6);
    messages_.push_back(
      {now_ms_ + static_cast<int64_t>(delay), std::move(each)});
  }
  group_.network.clear();
}

void raft_simulation::deliver_messages() {
  std::shuffle(messages_.begin(), messages_.end(), random_);
  std::vector<raft_message> due;
  std::erase_if(messages_, [&](under_way& each) {
    if (each.at_ms > now_ms_)
      return false;
    due.push_back(std::move(each.message));
    return true;
  });
  for (auto& each : due)
    group_.receive(std::move(each));
}

void raft_simulation::deliver_snapshots(bool faults) {
  for (const auto& [from, what] : group_.snapshots)
    snapshots_.push_back(
      {now_ms_ + static_cast<int64_t>(10 + below(100)), from, what});
  group_.snapshots.clear();
  std::vector<snapshot> due;
  std::erase_if(snapshots_, [&](const snapshot& each) {
    if (each.at_ms <= now_ms_)
      due.push_back(each);
    return each.at_ms <= now_ms_;
  });
  for (const auto& each : due) {
    auto& to = group_.at(each.what.to);
    const bool arrives
      = to.core && !(faults && chance(0.2))
        && !group_.is_cut(each.from.node.value, to.id.node.value);
    if (arrives) {
      mark("snapshot installed");
      group_.step(
        to, raft_core::snapshot_installed{each.what.base, each.what.term});
      to.applied_index = std::max(to.applied_index, each.what.base.at.index);
    }
    if (auto& sender = group_.at(each.from); sender.core)
      group_.step(sender, raft_core::snapshot_sent{
                            to.id, arrives && !(faults && chance(0.1))});
  }
}

/// Also to a member that needs none: it may have what the snapshot is of.
void raft_simulation::offer_snapshot(const raft_host& leader) {
  auto& to = any_host();
  const auto at = leader.core->log().base().at;
  if (!to.core || to.id == leader.id
      || group_.is_cut(leader.id.node.value, to.id.node.value))
    return;
  if (at.index > to.core->commit_index()
      && to.core->log().term_at(at.index) == at.term)
    mark("snapshot not needed");
  group_.step(to, raft_core::snapshot_offered{at, leader.core->term()});
}

void raft_simulation::break_something() {
  if (chance(0.004))
    crash(any_host());
  if (auto* leader = group_.leader(); leader && chance(0.01))
    offer_snapshot(*leader);
  // Leaders that fall soon leave entries on some members, of many terms.
  if (auto* leader = group_.leader(); leader && chance(leaders_fall_)) {
    mark("leader fell");
    if (chance(0.5))
      crash(*leader);
    else
      group_.isolate(leader->id.node.value);
  }
  if (auto& host = any_host(); !host.core && chance(0.02)) {
    jobs_seen_[host.id] = 0;
    group_.restart(host);
  }
  break_links();
  if (chance(0.05)) {
    auto* to = chance(0.9) ? group_.leader() : &any_host();
    const auto text = "p" + std::to_string(++proposals_);
    if (to)
      group_.step(*to, raft_core::propose{{text_chunk(text)}});
  }
  if (auto& host = any_host(); host.core && chance(0.004)) {
    const auto behind = below(10);
    const auto at = host.core->commit_index().value;
    if (at > behind) {
      mark("compacted");
      group_.step(host, raft_core::compacted{entry_index{at - behind}});
    }
  }
  if (chance(0.004))
    change_group();
}

void raft_simulation::break_links() {
  if (chance(0.002)) {
    mark("partition");
    group_.isolate(any_host().id.node.value);
  }
  if (chance(0.002)) {
    const auto a = any_host().id.node.value;
    const auto b = any_host().id.node.value;
    if (a != b) {
      mark("partition");
      chance(0.5) ? group_.cut(a, b) : group_.cut_one_way(a, b);
    }
  }
  if (chance(0.006))
    group_.heal();
}

void raft_simulation::change_group() {
  auto* leader = group_.leader();
  if (!leader)
    return;
  using kind = member_change::kind_type;
  const auto& members = leader->core->members();
  switch (below(6)) {
    case 0:
      mark("transfer");
      group_.step(*leader, raft_core::transfer{});
      break;
    case 1:
      if (replacing_.empty() && members.voter_count() > 3) {
        mark("remove");
        const auto& all = members.members();
        group_.step(*leader, raft_core::change{
                               {kind::remove, all[below(all.size())].id}});
      }
      break;
    case 2:
      if (replacing_.empty())
        for (const auto& [id, host] : group_.hosts())
          if (!lost_.contains(id) && !members.contains(id)) {
            mark("add");
            group_.step(*leader, raft_core::change{{kind::add_learner, id}});
            break;
          }
      break;
    case 3:
      if (replacing_.empty())
        for (const auto& each : members.members())
          if (!each.votes) {
            mark("promote");
            group_.step(*leader, raft_core::change{{kind::promote, each.id}});
            break;
          }
      break;
    case 4:
      lose_disk();
      break;
    default:
      break;
  }
}

void raft_simulation::crash(raft_host& host) {
  if (!host.core)
    return;
  mark("crash");
  untold_.erase(host.id);
  const auto reported = host.core->durable_index();
  group_.run_jobs(host, below(host.jobs.size() + 1));
  if (!host.jobs.empty())
    host.disk.apply(host.jobs.front(), below(4));
  group_.crash(host);
  jobs_seen_[host.id] = 0;
  if (defect_ == defect::forgets_votes)
    host.disk.vote = {host.disk.log.last().term, {}};
  if (defect_ == defect::forgets_entries
      && host.disk.log.last_index() >= reported
      && reported > host.disk.log.base().at.index)
    host.disk.log.cut(reported);
}

bool raft_simulation::all_agree() {
  const raft_configuration* members = nullptr;
  for (const auto& [id, host] : group_.hosts()) {
    if (lost_.contains(id))
      continue;
    if (!host.core || host.core->members().empty()
        || host.core->log().members_index() > host.core->commit_index())
      return false;
    if (!members)
      members = &host.core->members();
    if (host.core->members() != *members)
      return false;
  }
  return members != nullptr;
}

// Only where a majority is left, whatever happens meanwhile.
void raft_simulation::lose_disk() {
  if (!replacing_.empty() || !all_agree())
    return;
  auto& host = any_host();
  if (lost_.contains(host.id) || !host.core->members().votes(host.id)
      || host.core->members().voter_count() < 3)
    return;
  mark("disk lost");
  const auto id = host.id;
  lost_.insert(id);
  auto& next = group_.wipe(id);
  next.options.entries_in_flight_max = 4;
  group_.restart(next);
  replacing_.push_back({id, next.id});
}

void raft_simulation::go_on_replacing() {
  auto* leader = group_.leader();
  if (!leader || replacing_.empty())
    return;
  const auto [leaving, joining] = replacing_.front();
  const auto step
    = next_replacement_step(leader->core->members(), leaving, joining);
  if (step) {
    group_.step(*leader, raft_core::change{*step});
  } else if (leader->core->log().members_index()
             <= leader->core->commit_index()) {
    mark("replaced");
    replacing_.clear();
  }
}

std::string raft_simulation::heal_and_settle(int64_t milliseconds) {
  group_.heal();
  for (auto& [id, host] : group_.hosts())
    if (!host.core && !lost_.contains(id)) {
      jobs_seen_[id] = 0;
      group_.restart(host);
    }
  const auto end = now_ms_ + milliseconds;
  uint64_t tries = 0;
  while (now_ms_ < end) {
    for (int i = 0; i < 300; ++i)
      one_millisecond(false);
    auto* leader = group_.leader();
    if (!leader)
      continue;
    const auto text = "last" + std::to_string(++tries);
    group_.step(*leader, raft_core::propose{{text_chunk(text)}});
    for (int i = 0; i < 300; ++i)
      one_millisecond(false);
    const auto& members = leader->core->members().members();
    if (replacing_.empty() && leader->core->role() == role::leader
        && std::all_of(members.begin(), members.end(), [&](const auto& each) {
             const auto& applied = group_.at(each.id).applied;
             return !applied.empty() && applied.back() == text;
           }))
      return {};
  }
  std::string out = group_.leader() ? "a member is behind:" : "no leader:";
  for (const auto& [id, host] : group_.hosts())
    if (host.core)
      out += " " + to_string(id) + " role "
             + std::to_string(int(host.core->role())) + " term "
             + to_string(host.core->term()) + " last "
             + to_string(host.core->log().last_index()) + " durable "
             + to_string(host.core->durable_index()) + " committed "
             + to_string(host.core->commit_index()) + ";";
  return out;
}

} // namespace millrace::rt
