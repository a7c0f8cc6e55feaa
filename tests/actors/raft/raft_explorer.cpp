#include <millrace/messages/base/result.hpp>
#include <millrace/tests/actors/raft/raft_explorer.hpp>
#include <millrace/tests/actors/raft/raft_group.hpp>

#include <algorithm>

namespace millrace::rt {

using role = raft_core::role_type;

namespace {

// Everything happens at this time, but for what needs that time passed. Then it
// is late for any lease, and later for each term.
constexpr int64_t now_ns = 0;
constexpr int64_t election_time_ns = 1'000'000;
constexpr int64_t late_ns = 10 * election_time_ns;

uint64_t mixed(uint64_t hash, uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  return hash * 0xbf58476d1ce4e5b9;
}

bool same_job(const raft_core::persist& a, const raft_core::persist& b) {
  return a.vote == b.vote && a.base == b.base && a.from == b.from
         && a.entries == b.entries;
}

} // namespace

bool raft_explorer::node::is(const node& other) const {
  return disk.vote == other.disk.vote && disk.log == other.disk.log
         && std::equal(jobs.begin(), jobs.end(), other.jobs.begin(),
                       other.jobs.end(), same_job)
         && core == other.core;
}

raft_explorer::raft_explorer(limits within) : limits_{within} {
  std::vector<raft_member> members;
  for (uint64_t each = 1; each <= count; ++each)
    members.push_back({{each, 1}, true});
  const raft_base base{{}, raft_configuration{std::move(members)}};
  visit first;
  first.at.past = keep(history{});
  for (size_t i = 0; i < count; ++i) {
    raft_options options;
    options.self = {i + 1, 1};
    options.election_ns = election_time_ns;
    options.heartbeat_ns = 1;
    const raft_disk disk{{}, raft_log{base, {}}};
    first.at.nodes[i]
      = keep(node{raft_core{options, disk.recovered(), now_ns}, disk, {}});
  }
  seen_.insert(key_of(first.at));
  visits_.push_back(std::move(first));
}

std::string raft_explorer::run() {
  for (size_t next = 0; next < visits_.size(); ++next) {
    const auto actions = actions_of(visits_[next].at);
    for (const auto& each : actions)
      if (auto fault = go(next, each); !fault.empty())
        return fault + way_to(next) + ", " + describe(each);
  }
  return {};
}

std::vector<raft_explorer::action>
raft_explorer::actions_of(const state& at) const {
  std::vector<action> out;
  for (const auto each : at.messages)
    out.push_back({action_type::deliver,
                   static_cast<uint8_t>(messages_[each].to.node.value - 1),
                   each});
  for (uint8_t i = 0; i < count; ++i) {
    const auto& host = nodes_[at.nodes[i]];
    const auto& core = host.core;
    const bool leads = core.role() == role::leader;
    if (!host.jobs.empty())
      out.push_back({action_type::finish_writes, i, 0});
    // The first to move may as well be the first member.
    if ((leads || core.term().value < limits_.term_max)
        && (i == 0 || visits_.size() > 1))
      out.push_back({action_type::lose_patience, i, 0});
    if (leads)
      for (number beat = 1; beat <= limits_.heartbeats_max; ++beat)
        out.push_back({action_type::heartbeat, i, beat});
    if (leads && at.proposals < limits_.proposals_max
        && core.log().last_index().value < limits_.entries_max)
      out.push_back({action_type::propose, i, 0});
    if (at.crashes < limits_.crashes_max)
      out.push_back({action_type::crash, i, 0});
  }
  return out;
}

std::string raft_explorer::go(size_t from, const action& what) {
  ++steps_;
  auto to = visits_[from].at;
  const auto before = to.nodes[what.who];
  const auto& done = outcome_of(before, what);
  if (!done.fault.empty())
    return done.fault;
  if (what.what == action_type::deliver)
    std::erase(to.messages, what.message);
  if (what.what == action_type::crash)
    ++to.crashes;
  if (what.what == action_type::propose)
    ++to.proposals;
  to.nodes[what.who] = done.node;
  for (const auto each : done.said)
    if (const auto at
        = std::lower_bound(to.messages.begin(), to.messages.end(), each);
        at == to.messages.end() || *at != each)
      to.messages.insert(at, each);
  std::erase_if(to.messages, [&](number each) { return is_dead(each, to); });
  if (auto fault = check(to, done, what.who); !fault.empty())
    return fault;
  // What is beyond the limits is not gone into.
  if (to.messages.size() > limits_.messages_max
      || nodes_[done.node].core.log().last_index().value > limits_.entries_max)
    return {};
  if (seen_.insert(key_of(to)).second)
    visits_.push_back({std::move(to), from, what});
  return {};
}

const raft_explorer::outcome& raft_explorer::outcome_of(number host,
                                                        const action& what) {
  const auto key = uint64_t{host} << 32 | static_cast<uint64_t>(what.what) << 28
                   | what.message;
  auto found = outcomes_.find(key);
  if (found == outcomes_.end())
    found = outcomes_.emplace(key, compute(nodes_[host], what)).first;
  return found->second;
}

raft_explorer::outcome raft_explorer::compute(const node& before,
                                              const action& what) {
  auto after = before;
  auto& core = after.core;
  outcome out;
  raft_core::input input = raft_core::tick{};
  auto at = now_ns;
  switch (what.what) {
    case action_type::deliver:
      input = raft_core::received{messages_[what.message]};
      if (std::holds_alternative<raft_vote_request>(
            messages_[what.message].body))
        at = late_ns;
      break;
    case action_type::finish_writes: {
      for (const auto& each : after.jobs)
        after.disk.apply(each);
      input = raft_core::persisted{after.jobs.back().ticket,
                                   after.disk.log.last_index()};
      after.jobs.clear();
      break;
    }
    case action_type::lose_patience:
      at = late_ns
           + 3 * election_time_ns * static_cast<int64_t>(core.term().value + 1);
      break;
    case action_type::heartbeat:
      at = static_cast<int64_t>(what.message);
      break;
    case action_type::propose:
      input = raft_core::propose{
        {text_chunk("p" + to_string(core.term()) + "."
                    + to_string(core.log().last_index().next()))}};
      break;
    case action_type::crash: {
      auto disk = after.disk;
      if (limits_.forgets_votes)
        disk.vote = {disk.log.last().term, {}};
      raft_options options;
      options.self = {what.who + uint64_t{1}, 1};
      options.election_ns = election_time_ns;
      options.heartbeat_ns = 1;
      out.node
        = keep(node{raft_core{options, disk.recovered(), now_ns}, disk, {}});
      return out;
    }
  }
  raft_checker::observation seen{
    {what.who + uint64_t{1}, 1}, &core,  core.role(), core.term(),
    core.log().last_index(),     nullptr};
  const auto effects = core.step(std::move(input), at);
  seen.effects = &effects;
  raft_checker local;
  local.check_alone(seen, after.disk);
  if (!local.faults().empty())
    out.fault = local.faults()[0];
  take_effects(after, effects, out);
  if (!limits_.slow_disks && !after.jobs.empty() && out.fault.empty()) {
    const auto rest = compute(after, {action_type::finish_writes, what.who, 0});
    out.node = rest.node;
    out.said.insert(out.said.end(), rest.said.begin(), rest.said.end());
    out.committed = std::max(out.committed, rest.committed);
    out.fault = rest.fault;
    return out;
  }
  out.node = keep(std::move(after));
  return out;
}

void raft_explorer::take_effects(node& host,
                                 const std::vector<raft_core::effect>& effects,
                                 outcome& out) {
  for (const auto& each : effects) {
    if (const auto* job = std::get_if<raft_core::persist>(&each))
      host.jobs.push_back(*job);
    else if (const auto* sent = std::get_if<raft_core::send>(&each))
      out.said.push_back(keep(sent->message));
    else if (const auto* to = std::get_if<raft_core::committed>(&each))
      out.committed = to->index;
  }
}

std::string raft_explorer::check(state& to, const outcome& done, uint8_t who) {
  const auto& core = nodes_[done.node].core;
  const auto me = who + uint64_t{1};
  const auto term = core.term().value;
  if (core.role() == role::leader && pasts_[to.past].leader_of(term) != me) {
    auto past = pasts_[to.past];
    if (!past.leaders.try_emplace(term, me).second)
      return "two leaders of term " + std::to_string(term);
    to.past = keep(std::move(past));
  }
  if (done.committed > entry_index{}) {
    auto past = pasts_[to.past];
    if (auto fault = check_commits(past, core, done.committed); !fault.empty())
      return fault;
    to.past = keep(std::move(past));
  }
  for (const auto each : to.nodes)
    if (auto fault = compare(core, nodes_[each].core, pasts_[to.past]);
        !fault.empty())
      return fault;
  return {};
}

std::string raft_explorer::compare(const raft_core& one, const raft_core& other,
                                   const history& past) const {
  // Leaders have what was committed in an earlier term than theirs.
  if (other.role() == role::leader)
    for (size_t k = 0; k < past.commits.size(); ++k)
      if (past.commits[k].known_in < other.term().value
          && other.log().term_at(entry_index{k + 1})
               != raft_term{past.commits[k].term})
        return "a leader misses what was committed before its term";
  // Log Matching: equal at one place, equal in all places before it.
  bool agree = false;
  for (auto at = std::min(one.log().last_index(), other.log().last_index());
       at > entry_index{}; --at.value) {
    const auto& a = one.log().at(at);
    const auto& b = other.log().at(at);
    const bool same = a == b;
    if (a.term == b.term && !same)
      return "two entries of one place and term";
    if (agree && !same)
      return "logs that agree differ before that";
    agree = agree || same;
  }
  return {};
}

std::string raft_explorer::check_commits(history& past, const raft_core& core,
                                         entry_index to) const {
  for (auto at = entry_index{1}; at <= to; at = at.next()) {
    const auto& entry = core.log().at(at);
    const auto content = content_of(entry);
    if (at.value <= past.commits.size()) {
      const auto& known = past.commits[at.value - 1];
      if (known.term != entry.term.value || known.content != content)
        return "two entries were committed at one place";
    } else {
      past.commits.push_back({entry.term.value, core.term().value, content});
    }
  }
  return {};
}

// An answer that its receiver will ignore, whatever happens: as good as lost.
bool raft_explorer::is_dead(number message, const state& at) const {
  const auto& what = messages_[message];
  const auto& to = nodes_[at.nodes[what.to.node.value - 1]];
  const auto durable = to.disk.vote.term;
  if (const auto* vote = std::get_if<raft_vote_response>(&what.body)) {
    if (vote->pre)
      return vote->granted ? what.term <= durable : what.term < durable;
    return what.term < durable
           || (what.term == durable && to.core.role() != role::candidate);
  }
  return std::holds_alternative<raft_append_response>(what.body)
         && (what.term < durable
             || (what.term == durable && to.core.role() != role::leader));
}

std::array<uint64_t, 2> raft_explorer::key_of(const state& what) {
  std::array<uint64_t, 2> out{1, 2};
  const auto add = [&](uint64_t word) {
    out[0] = mixed(out[0], word);
    out[1] = mixed(out[1], ~word * 0x94d049bb133111eb);
  };
  for (const auto each : what.nodes)
    add(each);
  add(uint64_t{what.past} << 16 | uint64_t{what.crashes} << 8 | what.proposals);
  for (const auto each : what.messages)
    add(each);
  return out;
}

std::string raft_explorer::describe(const action& what) const {
  const auto who = std::to_string(what.who + 1);
  switch (what.what) {
    case action_type::deliver: {
      const auto& each = messages_[what.message];
      static const char* const kinds[]{"vote?", "vote", "append?", "append",
                                       "time-out"};
      return to_string(each.from) + " -> " + who + " "
             + kinds[each.body.index()] + " of " + to_string(each.term);
    }
    case action_type::finish_writes:
      return who + " writes";
    case action_type::lose_patience:
      return who + " waits no more";
    case action_type::heartbeat:
      return who + " beats";
    case action_type::propose:
      return who + " proposes";
    case action_type::crash:
      return who + " crashes";
  }
  return {};
}

std::string raft_explorer::way_to(size_t at) const {
  std::string out;
  for (; at > 0; at = visits_[at].from)
    out = ", " + describe(visits_[at].by) + out;
  return ": " + out.substr(std::min<size_t>(out.size(), 2));
}

raft_explorer::number raft_explorer::keep(node what) {
  const auto& core = what.core;
  uint64_t hash = static_cast<uint64_t>(core.role());
  for (const auto each :
       {core.term().value, core.commit_index().value,
        core.durable_index().value, what.disk.vote.candidate.node.value,
        what.disk.vote.term.value, what.jobs.size(),
        core.leader() ? core.leader()->node.value : 0,
        what.disk.log.last_index().value})
    hash = mixed(hash, each);
  for (auto at = entry_index{1}; at <= core.log().last_index(); at = at.next())
    hash = mixed(hash, core.log().at(at).term.value);
  for (const auto& each : core.peers())
    hash = mixed(mixed(hash, each.durable().value), each.next().value);
  const auto [begin, end] = node_numbers_.equal_range(hash);
  for (auto each = begin; each != end; ++each)
    if (nodes_[each->second].is(what))
      return each->second;
  const auto out = static_cast<number>(nodes_.size());
  nodes_.push_back(std::move(what));
  node_numbers_.emplace(hash, out);
  return out;
}

raft_explorer::number raft_explorer::keep(raft_message what) {
  uint64_t hash = what.body.index();
  for (const auto each :
       {what.from.node.value, what.to.node.value, what.term.value})
    hash = mixed(hash, each);
  const auto [begin, end] = message_numbers_.equal_range(hash);
  for (auto each = begin; each != end; ++each)
    if (messages_[each->second] == what)
      return each->second;
  const auto out = static_cast<number>(messages_.size());
  MILLRACE_ASSERT(out < 1u << 28);
  messages_.push_back(std::move(what));
  message_numbers_.emplace(hash, out);
  return out;
}

raft_explorer::number raft_explorer::keep(history what) {
  const auto found = std::find(pasts_.begin(), pasts_.end(), what);
  if (found != pasts_.end())
    return static_cast<number>(found - pasts_.begin());
  pasts_.push_back(std::move(what));
  MILLRACE_ASSERT(pasts_.size() < 1u << 24);
  return static_cast<number>(pasts_.size() - 1);
}

} // namespace millrace::rt
