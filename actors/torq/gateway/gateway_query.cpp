#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/gateway/gateway_query.hpp>
#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/protocol/unpack.hpp>

#include <caf/actor_cast.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <utility>

namespace millrace::torq {

namespace {

constexpr size_t message_bytes = 256u << 10;
/// Partial results of so many bytes merge in less time than another thread
/// takes to wake up.
constexpr size_t brief_bytes_max = 4u << 10;

/// Whether the only store that was asked gave the result itself.
bool are_finished(const chunks& partial) {
  if (partial.empty())
    return false;
  const auto finished = query::is_finished(partial.front().bytes());
  // What cannot be read is told by the one that merges.
  return finished && *finished;
}

size_t byte_count(const chunks& partial) {
  size_t out = 0;
  for (const auto& message : partial)
    out += message.size();
  return out;
}

/// The merged result of the messages, and what it took.
result<query::partial_result> merged_of(const query::logical_plan& plan,
                                        cut_query::merge& from,
                                        const query::interruption& stop) {
  const auto began_ns = stop.clock->monotonic_ns();
  query::merger merger{plan, stop};
  for (auto* each : {&from.hdb, &from.rdb})
    for (auto& message : *each) {
      // Its bytes are not held beside its rows.
      const auto bytes = std::exchange(message, chunk{});
      auto partial = query::decode_partial(bytes.bytes());
      if (!partial)
        return partial.failure();
      if (stop.memory)
        stop.memory->give_back(bytes.size());
      if (auto refused = merger.add(*std::move(partial)))
        return refused;
    }
  auto table = merger.finish();
  if (!table)
    return table.failure();
  auto statistics = merger.statistics();
  query::partial_result out;
  out.statistics = statistics.read;
  out.nodes = std::move(statistics.nodes);
  out.steps = std::move(statistics.steps);
  out.steps.push_back({"merge of '" + plan.table + "'", table->row_count,
                       table->byte_count(),
                       stop.clock->monotonic_ns() - began_ns});
  out.chunks.push_back({0, *std::move(table)});
  return out;
}

/// Merges, on a pool thread when it is more than a little.
void merge_partials(const gateway_query_actor& owner,
                    const query::logical_plan& plan, cut_query::merge from,
                    const query::interruption& stop) {
  chunks merged;
  auto fault = caught("the answer to a query", [&]() -> error {
    auto out = merged_of(plan, from, stop);
    if (!out)
      return out.failure();
    // Its rows, and the messages that they are packed into.
    query::held_memory rows{stop.memory};
    query::held_memory packed{stop.memory};
    if (auto refused = rows.set(out->byte_count()))
      return refused;
    if (auto refused = packed.set(out->byte_count()))
      return refused;
    auto messages = encode(*out, message_bytes, stop);
    if (stop.stopped())
      return stop.fault("while its answer was packed");
    // As others give it back: of each message its bytes.
    if (auto refused = packed.set(byte_count(messages)))
      return refused;
    packed.keep();
    merged = std::move(messages);
    return {};
  });
  if (fault)
    caf::anon_send(owner, job_atom::value, chunks{}, to_caf(fault));
  else
    caf::anon_send(owner, job_atom::value, std::move(merged), caf::error{});
}

} // namespace

void tell_gone(const gateway_request& request, const caf::actor_addr& who) {
  if (const auto gateway = caf::actor_cast<caf::actor>(request.gateway))
    caf::anon_send(
      gateway, caf::down_msg{who, caf::exit_reason::remote_link_unreachable});
}

void tell_if_gone(const gateway_request& request, const caf::actor_addr& who,
                  const caf::error& fault) {
  if (fault == caf::sec::request_receiver_down)
    tell_gone(request, who);
}

bool gateway_query_state::take_room(asked_backend& from,
                                    const bundle& partial) {
  // What is still to be fetched comes in messages of this size, about.
  from.room = query::held_memory{request->memory.get()};
  auto refused
    = from.room.set(byte_count(partial.here) + partial.more * message_bytes);
  if (refused)
    finish(to_caf(refused));
  return !refused;
}

caf::timespan gateway_query_state::remaining() const {
  const auto left = request->question.deadline_ns - env->clock->monotonic_ns();
  return caf::timespan{std::max<int64_t>(left, 1'000'000)};
}

caf::result<chunks, query_cut> gateway_query_state::start() {
  auto promise = owed.owe(self);
  auto plan = request->plan;
  plan.alone = request->question.wants_hdb != request->question.wants_rdb;
  plan_bytes = chunk::copy_of(encode(plan));
  way.emplace(request->question);
  step(cut_query::start{});
  return promise;
}

void gateway_query_state::step(cut_query::input what) {
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
    merge(*std::move(done.complete));
  if (done.refusal)
    finish(to_caf(done.refusal));
}

void gateway_query_state::ask(const cut_query::ask_hdb& what) {
  const auto to = caf::actor_cast<hdb_actor>(request->handles.at(what.name));
  const auto round = hdb.round = way->round();
  const auto number = hdb.request.begin(self, to);
  auto answered
    = [this, round, number](chunks partial, const partition_cut& at) {
        if (!hdb.request.settle(self, number))
          return;
        env->crash_point("gw.after_partial");
        step(cut_query::hdb_answered{round, at, std::move(partial)});
      };
  auto failed = [this, round, number, to](const caf::error& fault) {
    if (!hdb.request.settle(self, number))
      return;
    tell_if_gone(*request, to.address(), fault);
    step(cut_query::hdb_failed{round, from_caf(fault)});
  };
  auto began
    = [this, answered, failed](const bundle& partial, const partition_cut& at) {
        if (!take_room(hdb, partial))
          return;
        unpack(
          self, partial, [this] { return remaining(); },
          [answered, at](chunks all) { answered(std::move(all), at); }, failed);
      };
  if (what.pinned)
    self->request(to, remaining(), query_atom_v, plan_bytes, *what.pinned)
      .then(began, failed);
  else
    self->request(to, remaining(), query_atom_v, plan_bytes)
      .then(began, failed);
}

void gateway_query_state::ask(const cut_query::ask_rdb& what) {
  const auto to = caf::actor_cast<rdb_actor>(request->handles.at(what.name));
  const auto round = rdb.round = way->round();
  const auto number = rdb.request.begin(self, to);
  auto rows = what.rows;
  rows.patience_ns = remaining().count();
  auto failed = [this, round, number, to](const caf::error& fault) {
    if (!rdb.request.settle(self, number))
      return;
    tell_if_gone(*request, to.address(), fault);
    step(cut_query::rdb_failed{round, from_caf(fault)});
  };
  self
    ->request(to, remaining() + caf::timespan{last_word}, query_atom_v,
              plan_bytes, rows)
    .then(
      [this, round, number, failed](const bundle& partial, const rdb_cut& at) {
        if (!take_room(rdb, partial))
          return;
        unpack(
          self, partial, [this] { return remaining(); },
          [this, round, number, at](chunks all) {
            if (!rdb.request.settle(self, number))
              return;
            env->crash_point("gw.after_partial");
            step(cut_query::rdb_answered{round, at, std::move(all)});
          },
          failed);
      },
      failed);
}

void gateway_query_state::lost(const caf::actor_addr& who) {
  const error fault{errc::backend_lost, "its process or connection is gone"};
  tell_gone(*request, who);
  if (hdb.request.lost(self, who))
    step(cut_query::hdb_failed{hdb.round, fault});
  else if (rdb.request.lost(self, who))
    step(cut_query::rdb_failed{rdb.round, fault});
}

void gateway_query_state::merge(cut_query::merge what) {
  cut = what.cut;
  cut.warnings.insert(cut.warnings.end(), request->warnings.begin(),
                      request->warnings.end());
  // From here on each message is given back by itself.
  for (const auto& [side, messages] :
       {std::pair{&hdb, &what.hdb}, {&rdb, &what.rdb}}) {
    if (auto refused = side->room.set(byte_count(*messages)))
      return finish(to_caf(refused));
    side->room.keep();
  }
  auto& only = what.hdb.empty() ? what.rdb : what.hdb;
  if ((what.hdb.empty() || what.rdb.empty()) && are_finished(only)) {
    env->crash_point("gw.before_merge");
    return done(only, {});
  }
  const bool is_brief
    = byte_count(what.hdb) + byte_count(what.rdb) <= brief_bytes_max;
  auto job = [me = gateway_query_actor{self}, asked = request,
              partials = std::move(what), world = env, pool = pool]() mutable {
    world->crash_point("gw.before_merge");
    merge_partials(me, asked->plan, std::move(partials),
                   {.cancel = &pool->given_up(),
                    .clock = world->clock,
                    .deadline_ns = asked->question.deadline_ns,
                    .table = asked->plan.table,
                    .memory = asked->memory.get()});
  };
  if (is_brief)
    job();
  else
    pool->submit(std::move(job));
}

void gateway_query_state::done(const chunks& merged, const caf::error& fault) {
  if (fault)
    return finish(fault);
  owed.give(merged, cut);
  env->crash_point("gw.after_reply");
  self->quit();
}

void gateway_query_state::finish(const caf::error& fault) {
  hdb.request.end(self);
  rdb.request.end(self);
  owed.give(fault);
  self->quit();
}

gateway_query_actor::behavior_type
gateway_query(gateway_query_actor::stateful_pointer<gateway_query_state> self,
              persistence::env* world,
              std::shared_ptr<const gateway_request> request) {
  self->state.env = world;
  self->state.request = std::move(request);
  self->state.pool = std::make_shared<persistence::share_of_executor>(
    *world->pool, weight_of(self->state.request->plan.priority));
  self->attach_functor([pool = self->state.pool] { pool->give_up(); });
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down.source); });
  return {
    [self](start_atom) { return self->state.start(); },
    [self](job_atom, const chunks& merged, const caf::error& fault) {
      self->state.done(merged, fault);
    },
  };
}

} // namespace millrace::torq
