#include <millrace/actors/torq/gateway/gateway_flow.hpp>
#include <millrace/messages/protocol/own_message.hpp>

#include <caf/actor_cast.hpp>

#include <utility>

namespace millrace::torq {

namespace {

/// How often a flow that stands still is looked at.
constexpr auto look_interval = std::chrono::seconds{1};

/// Of a flow: it failed, and ended with why.
bool is_fault(const caf::error& reason) {
  return reason && reason.category() == caf::atom("millrace");
}

/// Of a flow: nothing ended it from outside.
bool ended_by_itself(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::normal || is_fault(reason);
}

/// A message with the columns of a plan's result, and no row.
chunk columns_of(const query::logical_plan& plan) {
  query::partial_result out;
  auto& table = out.chunks.emplace_back().table;
  for (const auto& column : query::result_columns(plan)) {
    query::column_writer writer{column.name, column.type};
    table.columns.push_back(*writer.finish());
  }
  return encode(out).front();
}

} // namespace

caf::timespan gateway_flow_state::remaining() const {
  const auto left = request->question.deadline_ns - env->clock->monotonic_ns();
  return caf::timespan{std::max<int64_t>(left, 1'000'000)};
}

caf::result<query_cut> gateway_flow_state::start() {
  auto promise = owed.owe(self);
  plan_bytes = chunk::copy_of(encode(request->plan));
  way.emplace(request->question);
  step(cut_query::start{});
  return promise;
}

void gateway_flow_state::step(cut_query::input what) {
  const auto round = way->round();
  const auto now = env->clock->monotonic_ns();
  auto done = way->step(std::move(what), now);
  request->note_failure(done.failed, now);
  if (way->round() != round)
    env->crash_point("gw.before_dispatch");
  if (done.hdb)
    ask(*done.hdb);
  if (done.rdb)
    ask(*done.rdb);
  if (done.complete)
    begin(done.complete->cut);
  if (done.refusal)
    end(to_caf(done.refusal));
}

uint64_t
gateway_flow_state::begin_request(asked_backend& to,
                                  const caf::strong_actor_ptr& handle) {
  let_go(to);
  to.ended.reset();
  to.round = way->round();
  to.flow = flow_id{++flow_last};
  to.who = handle->address();
  return to.request.begin(self, caf::actor_cast<caf::actor>(handle));
}

/// The flow tells its end itself, and may have done so before the back end's
/// word that it began came here.
void gateway_flow_state::settle(result_relay::side side, uint64_t number,
                                const result_source_actor& source,
                                cut_query::input answered) {
  auto& from = backends[side];
  if (!from.request.settle(self, number)) {
    self->send(source, stop_atom_v);
    return;
  }
  if (from.ended && *from.ended)
    return fail(side, from_caf(*from.ended));
  if (!from.ended) {
    from.source = source;
    self->monitor(source);
  }
  env->crash_point("gw.after_partial");
  step(std::move(answered));
}

void gateway_flow_state::refused(result_relay::side side, uint64_t number,
                                 const caf::error& fault) {
  auto& by = backends[side];
  if (!by.request.settle(self, number))
    return;
  tell_if_gone(*request, by.who, fault);
  fail(side, from_caf(fault));
}

void gateway_flow_state::fail(result_relay::side side, error fault) {
  const auto round = backends[side].round;
  if (side == result_relay::hdb)
    step(cut_query::hdb_failed{round, std::move(fault)});
  else
    step(cut_query::rdb_failed{round, std::move(fault)});
}

void gateway_flow_state::let_go(asked_backend& what) {
  if (!what.source)
    return;
  self->demonitor(what.source.address());
  self->send(what.source, stop_atom_v);
  what.source = nullptr;
}

void gateway_flow_state::ask(const cut_query::ask_hdb& what) {
  auto& hdb = backends[result_relay::hdb];
  const auto& handle = request->handles.at(what.name);
  const auto to = caf::actor_cast<hdb_actor>(handle);
  const auto number = begin_request(hdb, handle);
  const result_sink_actor me{gateway_flow_actor{self}};
  auto began = [this, round = hdb.round, number](
                 const result_source_actor& source, const partition_cut& at) {
    settle(result_relay::hdb, number, source,
           cut_query::hdb_answered{round, at, {}});
  };
  auto failed = [this, number](const caf::error& fault) {
    refused(result_relay::hdb, number, fault);
  };
  if (what.pinned)
    self
      ->request(to, remaining(), query_atom_v, plan_bytes, *what.pinned,
                hdb.flow, me)
      .then(began, failed);
  else
    self->request(to, remaining(), query_atom_v, plan_bytes, hdb.flow, me)
      .then(began, failed);
}

void gateway_flow_state::ask(const cut_query::ask_rdb& what) {
  auto& rdb = backends[result_relay::rdb];
  const auto& handle = request->handles.at(what.name);
  const auto number = begin_request(rdb, handle);
  auto rows = what.rows;
  rows.patience_ns = remaining().count();
  self
    ->request(caf::actor_cast<rdb_actor>(handle),
              remaining() + caf::timespan{last_word}, query_atom_v, plan_bytes,
              rows, rdb.flow, result_sink_actor{gateway_flow_actor{self}})
    .then(
      [this, round = rdb.round, number](const result_source_actor& source,
                                        const rdb_cut& at) {
        settle(result_relay::rdb, number, source,
               cut_query::rdb_answered{round, at, {}});
      },
      [this, number](const caf::error& fault) {
        refused(result_relay::rdb, number, fault);
      });
}

void gateway_flow_state::begin(const query_cut& cut) {
  // What waits here is two windows at most.
  if (request->memory)
    if (auto refused = request->memory->take(2 * result_relay::window_bytes))
      return end(to_caf(refused));
  auto at = cut;
  at.warnings.insert(at.warnings.end(), request->warnings.begin(),
                     request->warnings.end());
  relay.emplace(result_relay::settings{
    .takes_part = {request->question.wants_hdb, request->question.wants_rdb},
    .head = columns_of(request->plan),
    .limits = request->plan,
    .patience_ns = patience_ns});
  env->crash_point("gw.before_merge");
  owed.give(std::move(at));
  env->crash_point("gw.after_reply");
  const auto now = env->clock->monotonic_ns();
  carry_out(relay->start(now));
  for (const auto side : {result_relay::hdb, result_relay::rdb})
    if (backends[side].ended)
      carry_out(relay->finished(side, {}, now));
  tick();
}

void gateway_flow_state::carry_out(result_relay::effects what) {
  for (const auto& [side, bytes] : what.taken)
    if (backends[side].source)
      self->send(backends[side].source, ack_atom_v, byte_number{bytes});
  for (const auto& piece : what.give)
    self->send(sink, chunk_atom_v, flow, piece);
  if (what.over)
    end(what.fault ? to_caf(what.fault) : caf::error{});
}

std::optional<result_relay::side>
gateway_flow_state::side_of(flow_id which) const {
  for (const auto side : {result_relay::hdb, result_relay::rdb})
    if (backends[side].flow == which)
      return side;
  return std::nullopt;
}

void gateway_flow_state::came(flow_id which, const chunk& piece) {
  const auto from = side_of(which);
  if (!from || !relay || !backends[*from].source)
    return; // Of one that was asked before.
  const auto rows = query::row_count_of(piece.bytes());
  if (!rows)
    return end(to_caf(rows.failure()));
  carry_out(relay->came(*from, piece, *rows, env->clock->monotonic_ns()));
}

void gateway_flow_state::finished(flow_id which, const caf::error& fault) {
  const auto side = side_of(which);
  if (!side)
    return; // Of one that was asked before.
  auto& from = backends[*side];
  const bool began = static_cast<bool>(from.source);
  if (began)
    self->demonitor(from.source.address());
  from.source = nullptr;
  from.ended = fault;
  if (relay)
    carry_out(
      relay->finished(*side, from_caf(fault), env->clock->monotonic_ns()));
  else if (began && fault)
    fail(*side, from_caf(fault));
}

void gateway_flow_state::taken(uint64_t bytes) {
  if (relay)
    carry_out(relay->taken(bytes, env->clock->monotonic_ns()));
}

void gateway_flow_state::tick() {
  carry_out(relay->waited(env->clock->monotonic_ns()));
  self->delayed_send(self, caf::timespan{look_interval}, caf::tick_atom_v);
}

void gateway_flow_state::lost(const caf::down_msg& what) {
  const auto& who = what.source;
  if (who == sink.address())
    return self->quit();
  const error gone{errc::backend_lost, "its process or connection is gone"};
  for (const auto side : {result_relay::hdb, result_relay::rdb}) {
    auto& from = backends[side];
    const bool asked = from.request.lost(self, who);
    if (!asked && (!from.source || from.source.address() != who))
      continue;
    // From another process its end may come before its last words. One that
    // ended by itself has said all, or ends with its fault.
    const bool of_flow = !asked && ended_by_itself(what.reason);
    if (of_flow && !is_fault(what.reason))
      return;
    if (asked || what.reason == caf::exit_reason::remote_link_unreachable)
      tell_gone(*request, from.who);
    from.source = nullptr;
    auto fault = of_flow ? from_caf(what.reason) : gone;
    if (relay)
      carry_out(
        relay->finished(side, std::move(fault), env->clock->monotonic_ns()));
    else
      fail(side, std::move(fault));
    return;
  }
}

void gateway_flow_state::end(const caf::error& fault) {
  for (auto& each : backends) {
    each.request.end(self);
    let_go(each);
  }
  if (relay)
    self->send(sink, finished_atom_v, flow, fault);
  else
    owed.give(fault);
  self->quit();
}

gateway_flow_actor::behavior_type
gateway_flow(gateway_flow_actor::stateful_pointer<gateway_flow_state> self,
             persistence::env* world,
             std::shared_ptr<const gateway_request> request, flow_id flow,
             result_sink_actor sink, int64_t patience_ns) {
  auto& state = self->state;
  state.env = world;
  state.request = std::move(request);
  state.flow = flow;
  state.sink = std::move(sink);
  state.patience_ns = patience_ns;
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down); });
  self->monitor(state.sink);
  return {
    [self](ack_atom, byte_number bytes) { self->state.taken(bytes.value); },
    [self](stop_atom) { self->quit(); },
    [self](start_atom) { return self->state.start(); },
    own_ticks(self),
    [self](chunk_atom, flow_id which, const chunk& piece) {
      self->state.came(which, piece);
    },
    [self](finished_atom, flow_id which, const caf::error& fault) {
      self->state.finished(which, fault);
    },
  };
}

} // namespace millrace::torq
