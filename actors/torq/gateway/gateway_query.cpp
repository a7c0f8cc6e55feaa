#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/gateway/gateway_query.hpp>

#include <caf/actor_cast.hpp>

namespace millrace::torq {

namespace {

constexpr size_t message_bytes = 256u << 10;

/// A failure of the back end itself, which another one may not have.
bool another_may_do(const error& fault) {
  return fault.code == errc::unavailable || fault.code == errc::timeout
         || fault.code == errc::corrupt || fault.code == errc::storage_failed
         || fault.code == errc::internal;
}

/// Merges on a pool thread.
void merge(const gateway_query_actor& owner, const gateway_request& request,
           const chunks& hdb, const chunks& rdb) {
  auto refuse = [&](const error& fault) {
    caf::anon_send(owner, job_atom_v, chunks{}, to_caf(fault));
  };
  query::merger merger{request.plan};
  for (const auto* from : {&hdb, &rdb})
    for (const auto& bytes : *from) {
      auto partial = query::decode_partial(bytes.bytes());
      if (!partial)
        return refuse(partial.failure());
      if (auto fault = merger.add(*std::move(partial)))
        return refuse(fault);
    }
  auto table = merger.finish();
  if (!table)
    return refuse(table.failure());
  query::partial_result out;
  out.chunks.push_back({0, *std::move(table)});
  out.statistics = merger.statistics();
  caf::anon_send(owner, job_atom_v, to_chunks(encode(out, message_bytes)),
                 caf::error{});
}

} // namespace

caf::timespan gateway_query_state::remaining() const {
  const auto left = request->deadline_ns - env->clock->monotonic_ns();
  return caf::timespan{std::max<int64_t>(left, 1'000'000)};
}

caf::result<chunks, query_cut> gateway_query_state::start() {
  promise = self->make_response_promise<chunks, query_cut>();
  plan_bytes = chunk::copy_of(encode(request->plan));
  has_hdb = request->needs_hdb || backends->known("hdb", request->stream);
  has_rdb = request->needs_rdb || backends->known("rdb", request->stream);
  if (!has_hdb && !has_rdb) {
    finish({errc::unavailable, "table '" + request->plan.table
                                 + "': no rdb and no hdb of stream '"
                                 + request->stream + "' is known yet"});
    return promise;
  }
  plan_again();
  return promise;
}

void gateway_query_state::plan_again() {
  env->crash_point("gw.before_dispatch");
  ++attempt;
  pinned = hdb_done = rdb_done = false;
  cut = {};
  hdb_partial.clear();
  rdb_partial.clear();
  if (has_hdb)
    return ask_hdb();
  hdb_done = pinned = true;
  ask_rdb();
}

void gateway_query_state::ask_hdb() {
  const auto* found = backends->pick(
    "hdb", request->stream, request->plan.table, tried_hdbs, request->turn);
  if (found == nullptr)
    return finish(
      {errc::backend_lost,
       "the HDB part of '" + request->plan.table + "' is missing: no live hdb"
         + (last_fault ? " (" + to_string(last_fault) + ")" : std::string{})});
  const auto who = found->row.name;
  self
    ->request(caf::actor_cast<hdb_actor>(found->handle), remaining(),
              query_atom_v, plan_bytes, pinned ? cut.manifest : uint64_t{0})
    .then(
      [this, who, round = attempt](const chunks& partial, const query_cut& at) {
        if (round == attempt)
          hdb_answered(who, partial, at);
      },
      [this, who, round = attempt](const caf::error& fault) {
        if (round == attempt)
          failed(who, "hdb", from_caf(fault));
      });
}

void gateway_query_state::hdb_answered(const std::string&,
                                       const chunks& partial,
                                       const query_cut& at) {
  env->crash_point("gw.after_partial");
  hdb_partial = partial;
  cut.manifest = at.manifest;
  cut.cutover = at.cutover;
  pinned = hdb_done = true;
  if (has_rdb)
    return ask_rdb();
  rdb_done = true;
  cut.upper = at.cutover;
  merge_when_complete();
}

void gateway_query_state::ask_rdb() {
  const auto* found = backends->pick(
    "rdb", request->stream, request->plan.table, tried_rdbs, request->turn);
  if (found == nullptr)
    return finish(
      {errc::backend_lost,
       "the RDB part of '" + request->plan.table + "' is missing: no live rdb"
         + (last_fault ? " (" + to_string(last_fault) + ")" : std::string{})});
  const auto who = found->row.name;
  self
    ->request(caf::actor_cast<rdb_actor>(found->handle), remaining(),
              query_atom_v, plan_bytes, cut.cutover, request->at_least)
    .then(
      [this, who, round = attempt](const chunks& partial, const query_cut& at) {
        if (round == attempt)
          rdb_answered(who, partial, at);
      },
      [this, who, round = attempt](const caf::error& fault) {
        if (round == attempt)
          failed(who, "rdb", from_caf(fault));
      });
}

void gateway_query_state::rdb_answered(const std::string&,
                                       const chunks& partial,
                                       const query_cut& at) {
  env->crash_point("gw.after_partial");
  rdb_partial = partial;
  cut.upper = at.upper;
  rdb_done = true;
  merge_when_complete();
}

void gateway_query_state::failed(const std::string& who,
                                 const std::string& type, const error& fault) {
  if (fault.code == errc::moved) {
    if (++replans > replans_max)
      return finish({errc::moved, "the cut moved " + std::to_string(replans)
                                    + " times: " + fault.context});
    return plan_again();
  }
  if (!another_may_do(fault))
    return finish(fault);
  if (env->clock->monotonic_ns() >= request->deadline_ns)
    return finish({errc::timeout, who + ": no answer before the deadline"});
  last_fault = {fault.code, who + ": " + fault.context};
  if (type == "hdb") {
    tried_hdbs.insert(who);
    return ask_hdb();
  }
  tried_rdbs.insert(who);
  ask_rdb();
}

void gateway_query_state::merge_when_complete() {
  if (!hdb_done || !rdb_done)
    return;
  env->pool->submit([me = gateway_query_actor{self}, what = request,
                     hdb = std::move(hdb_partial), rdb = std::move(rdb_partial),
                     world = env] {
    world->crash_point("gw.before_merge");
    merge(me, *what, hdb, rdb);
  });
}

void gateway_query_state::done(const chunks& merged, const caf::error& fault) {
  if (fault)
    return finish(from_caf(fault));
  promise.deliver(merged, cut);
  env->crash_point("gw.after_reply");
  self->quit();
}

void gateway_query_state::finish(const error& fault) {
  promise.deliver(to_caf(fault));
  self->quit();
}

gateway_query_actor::behavior_type
gateway_query(gateway_query_actor::stateful_pointer<gateway_query_state> self,
              persistence::env* world, std::shared_ptr<gateway_request> request,
              std::shared_ptr<backend_table> backends) {
  self->state.env = world;
  self->state.request = std::move(request);
  self->state.backends = std::move(backends);
  return {
    [self](start_atom) { return self->state.start(); },
    [self](job_atom, const chunks& merged, const caf::error& fault) {
      self->state.done(merged, fault);
    },
  };
}

} // namespace millrace::torq
