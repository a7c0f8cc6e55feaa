#include <millrace/messages/base/result.hpp>
#include <millrace/tests/actors/raft/raft_group.hpp>

#include <algorithm>

namespace millrace::rt {

namespace {

constexpr int64_t millisecond = 1'000'000;

} // namespace

entry_index raft_host::named_index() const {
  for (const auto& [index, term] : lacking)
    if (disk.log.term_at(index) == term && index > disk.log.base().at.index)
      return entry_index{index.value - 1};
  return entry_index{~uint64_t{0}};
}

raft_group::raft_group(const std::vector<uint64_t>& nodes, uint64_t seed)
  : seed_{seed} {
  std::vector<raft_member> members;
  for (const auto node : nodes)
    members.push_back({{node, 1}, true});
  const raft_base base{{}, raft_configuration{std::move(members)}};
  for (const auto node : nodes) {
    auto& host = add({node, 1});
    host.disk.log = raft_log{base, {}};
    restart(host);
  }
}

raft_host& raft_group::add(const member_id& id) {
  auto& host = hosts_[id];
  host.id = id;
  host.options.self = id;
  host.options.seed = seed_;
  restart(host);
  return host;
}

raft_host& raft_group::at(const member_id& id) {
  const auto found = hosts_.find(id);
  MILLRACE_ASSERT(found != hosts_.end());
  return found->second;
}

void raft_group::step(raft_host& host, raft_core::input what) {
  if (!host.core)
    return;
  raft_checker::observation seen{host.id,
                                 &*host.core,
                                 host.core->role(),
                                 host.core->term(),
                                 host.core->log().last_index(),
                                 nullptr};
  const auto effects = host.core->step(std::move(what), host.now_ns);
  seen.effects = &effects;
  std::vector<raft_checker::member_view> views;
  for (const auto& [id, each] : hosts_)
    views.push_back(
      {id, each.core ? &*each.core : nullptr, &each.disk, each.named_index()});
  checker_.check(seen, views);
  for (const auto& each : effects)
    handle(host, each);
  if (persists && !host.jobs.empty()) {
    run_jobs(host);
    report(host);
  }
}

void raft_group::handle(raft_host& host, const raft_core::effect& what) {
  host.told.push_back(what);
  if (const auto* job = std::get_if<raft_core::persist>(&what)) {
    host.jobs.push_back(*job);
  } else if (const auto* sent = std::get_if<raft_core::send>(&what)) {
    network.push_back(sent->message);
  } else if (const auto* to = std::get_if<raft_core::committed>(&what)) {
    const auto& log = host.core->log();
    for (auto each = std::max(host.applied_index, log.base().at.index).next();
         each <= to->index; each = each.next())
      if (const auto& entry = log.at(each);
          entry.kind == raft_entry_kind::payload)
        host.applied.push_back(content_of(entry).substr(2));
    host.applied_index = std::max(host.applied_index, to->index);
  } else if (const auto* one = std::get_if<raft_core::snapshot_needed>(&what)) {
    snapshots.emplace_back(host.id, *one);
  }
}

void raft_group::run_jobs(raft_host& host, size_t count) {
  while (count-- > 0 && !host.jobs.empty()) {
    host.disk.apply(host.jobs.front());
    host.ticket_done = std::max(host.ticket_done, host.jobs.front().ticket);
    host.jobs.pop_front();
  }
}

void raft_group::report(raft_host& host) {
  step(host, raft_core::persisted{
               host.ticket_done,
               std::min(host.disk.log.last_index(), host.named_index())});
}

void raft_group::crash(raft_host& host) {
  host.core.reset();
  host.jobs.clear();
  // What an entry names is gone: so is the entry.
  if (const auto named = host.named_index(); named < host.disk.log.last_index())
    host.disk.log.cut(named.next());
  host.lacking.clear();
}

void raft_group::restart(raft_host& host) {
  host.core.emplace(host.options, host.disk.recovered(), host.now_ns);
  host.ticket_done = 0;
  host.applied_index = host.disk.log.base().at.index;
  host.applied.clear();
  checker_.restarted(host.id);
}

raft_host& raft_group::wipe(const member_id& id) {
  crash(at(id));
  auto next = id;
  while (hosts_.contains(next))
    next.incarnation = next.incarnation.next();
  return add(next);
}

void raft_group::deliver() {
  while (!network.empty() || (delivers_snapshots && !snapshots.empty())) {
    deliver_once();
    while (delivers_snapshots && !snapshots.empty()) {
      const auto [from, one] = snapshots.front();
      snapshots.erase(snapshots.begin());
      const bool arrives = !is_cut(from.node.value, one.to.node.value)
                           && hosts_.contains(one.to) && at(one.to).core;
      if (arrives)
        step(at(one.to), raft_core::snapshot_installed{one.base, one.term});
      step(at(from), raft_core::snapshot_sent{one.to, arrives});
    }
  }
}

void raft_group::deliver_once() {
  auto now = std::move(network);
  network.clear();
  for (auto& each : now)
    receive(std::move(each));
}

void raft_group::receive(raft_message what) {
  if (is_cut(what.from.node.value, what.to.node.value)
      || !hosts_.contains(what.to))
    return;
  auto& to = at(what.to);
  step(to, raft_core::received{std::move(what)});
}

void raft_group::cut(uint64_t a, uint64_t b) {
  cut_.insert({a, b});
  cut_.insert({b, a});
}

void raft_group::isolate(uint64_t node) {
  for (const auto& [id, host] : hosts_)
    if (id.node.value != node)
      cut(id.node.value, node);
}

void raft_group::elapse(int64_t ns) {
  for (; ns > 0; ns -= millisecond) {
    for (auto& [id, host] : hosts_) {
      host.now_ns += millisecond;
      step(host, raft_core::tick{});
    }
    deliver();
  }
}

void raft_group::tick(uint64_t node, int64_t ns) {
  at(node).now_ns += ns;
  step(at(node), raft_core::tick{});
}

void raft_group::elect(uint64_t node) {
  elect_unheard(node);
  // Its first heartbeat, in place of what was lost.
  tick(node, at(node).options.heartbeat_ns);
  deliver();
}

void raft_group::elect_unheard(uint64_t node) {
  // All have forgotten their leader by then.
  for (auto& [id, host] : hosts_)
    host.now_ns += host.options.election_ns;
  tick(node, at(node).options.election_ns);
  while (!network.empty() && core(node).role() != raft_core::role_type::leader)
    deliver_once();
  network.clear();
}

void raft_group::propose(uint64_t node, const std::string& text) {
  step(at(node), raft_core::propose{{text_chunk(text)}});
  deliver();
}

void raft_group::change(uint64_t node, const member_change& what) {
  step(at(node), raft_core::change{what});
  deliver();
}

raft_host* raft_group::leader() {
  raft_host* out = nullptr;
  for (auto& [id, host] : hosts_)
    if (host.core && host.core->role() == raft_core::role_type::leader
        && (!out || host.core->term() > out->core->term()))
      out = &host;
  return out;
}

} // namespace millrace::rt
