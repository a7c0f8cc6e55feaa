// Questions that wait for back ends to come, or to come back.
#include <millrace/actors/torq/gateway/gateway.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

/// After its start, and after a table came.
constexpr int64_t start_grace_ns = 10'000'000'000;
/// What those that are here cannot read, one that went may hold whole; it is
/// expected back within this time.
constexpr int64_t other_copy_grace_ns = 10'000'000'000;

const std::vector<gateway_state::rt_node> no_nodes;

} // namespace

void gateway_state::hold(held_question what) {
  if (what.to.client && clients[what.to.client]++ == 0)
    self->monitor(what.to.client);
  if (ready(what))
    start(std::move(what));
  else
    waiting.push_back(std::move(what));
}

/// Back ends become known one by one when a cluster starts or a table comes,
/// and one that was lost may come back: for a while a question waits for them.
/// Later, what is not there is missing.
bool gateway_state::ready(const held_question& what) const {
  const auto now = env->clock->monotonic_ns();
  if (now >= what.deadline_ns)
    return true;
  const auto& table = settings.tables.at(what.plan.table);
  if (what.last_fault)
    return connections > what.connections_then
           || !may_come_back(what, what.last_fault.code);
  // Who has heard of nobody does not know who is missing.
  if (met_ns != 0
      && now - std::max({started_ns, table.since_ns, met_ns}) > start_grace_ns)
    return true;
  const auto connected = [&](backend_role role) {
    return !backends.candidates(role, table.home).empty();
  };
  // One that was tried, and is not there, is not waited for.
  const auto stream = streams.find(table.home.stream);
  const auto& nodes = stream == streams.end() ? no_nodes : stream->second.nodes;
  if (!what.at_least && table.in_rdb
      && std::any_of(nodes.begin(), nodes.end(),
                     [](const auto& node) { return node.tries_ended == 0; }))
    return false;
  return (!table.in_rdb || connected(backend_role::rdb))
         && (!table.in_hdb || connected(backend_role::hdb));
}

/// A question without an answer waits for one that was lost as long as it can;
/// what was found again since it began is asked at once.
bool gateway_state::may_come_back(const held_question& what, errc fault) const {
  const auto& home = settings.tables.at(what.plan.table).home;
  const auto now = env->clock->monotonic_ns();
  const auto soon
    = [](const auto& each) { return each.second < other_copy_grace_ns; };
  const auto gone = backends.gone(home, now);
  if (fault == errc::backend_lost)
    return !gone.empty();
  const auto copies = backends.copies_away(home, now);
  return std::any_of(gone.begin(), gone.end(), soon)
         || std::any_of(copies.begin(), copies.end(), soon);
}

/// A fault, and what was waited for in vain.
error gateway_state::with_the_gone(const held_question& what,
                                   error fault) const {
  for (const auto& [backend_name, ago_ns] : backends.gone(
         settings.tables.at(what.plan.table).home, env->clock->monotonic_ns()))
    fault.context += "; " + backend_name + " went "
                     + std::to_string(ago_ns / 1'000'000'000)
                     + " s ago, and has not come back ('millrace status' "
                       "shows why: 'millrace up' starts a node that is down, "
                       "'millrace spawn' a process that was stopped; where "
                       "both run, the link between their nodes is cut)";
  if (fault.code != errc::backend_lost)
    for (const auto& [copy_name, ago_ns] :
         backends.copies_away(settings.tables.at(what.plan.table).home,
                              env->clock->monotonic_ns()))
      fault.context += "; " + copy_name
                       + ", which may have a copy of the table, has not told "
                         "what it has for "
                       + std::to_string(ago_ns / 1'000'000'000) + " s";
  if (met_ns == 0)
    fault.context
      += "; no discovery has answered yet, which tells who is there "
         "('millrace status' shows its node)";
  return fault;
}

void gateway_state::run_waiting() {
  for (auto& what : std::exchange(waiting, {}))
    if (!ready(what))
      waiting.push_back(std::move(what));
    else if (what.last_fault && connections == what.connections_then)
      refuse(what, to_caf(with_the_gone(what, what.last_fault)));
    else
      start(std::move(what));
}

} // namespace millrace::torq
