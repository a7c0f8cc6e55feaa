#include <millrace/actors/torq/execute/query_flow.hpp>
#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/query/execution/partial.hpp>

#include <atomic>
#include <mutex>
#include <utility>

namespace millrace::torq {

namespace {

constexpr size_t piece_bytes = 256u << 10;

/// Whether every row that there is to read is a row of the result.
bool takes_all(const query::logical_plan& plan) {
  return !plan.range && !plan.symbols && plan.filters.empty() && !plan.sublist
         && !plan.joined.tables;
}

} // namespace

/// What the pool's workers share; outlives the actor when that dies early.
struct query_flow_state::shared_run {
  shared_run(query_work given, persistence::env& world)
    : work{std::move(given)}, pool{*world.pool, weight_of(work.plan.priority)},
      clock{world.clock}, began_ns{clock->monotonic_ns()} {
    told.process = work.process;
    told.table = work.plan.table;
    ready = query::held_memory{work.memory.get()};
  }

  query_work work;
  persistence::share_of_executor pool; ///< All that the query does there.
  std::optional<query::execution> execution;
  /// By morsel: what it found, from when it is done until it is given.
  std::vector<chunks> found;
  query::held_memory ready; ///< For what is done. Owner: the actor.
  persistence::clock_source* clock;
  int64_t began_ns;
  std::mutex mutex;            ///< Guards `told`.
  query::node_statistics told; ///< So far.

  /// Binds the plan, which may look at files.
  void open(const query_flow_actor& owner) {
    auto fault = caught("a query on table '" + work.plan.table + "'", [&] {
      query::logical_plan counted;
      counted.table = work.plan.table;
      counted.rows_max = takes_all(work.plan) ? work.plan.rows_max : 0;
      execution.emplace(
        std::move(work.plan), std::move(work.parts),
        query::execution_options{
          .stop = {.cancel = &pool.given_up(), .memory = work.memory.get()},
          .process = work.process});
      told.bind_ns = clock->monotonic_ns() - began_ns;
      // A plan that failed has one morsel, which tells why.
      found.resize(std::max<size_t>(execution->morsel_count(), 1));
      // Who would be told after so many rows is told before the first one.
      return query::refuse_beyond_limits(counted, execution->rows_to_read(), 0);
    });
    caf::anon_send(owner, job_atom::value,
                   fault ? to_caf(fault) : caf::error{});
  }

  void tell(const query::scan_statistics& read, int64_t scan_ns,
            int64_t finish_ns) {
    const std::lock_guard lock{mutex};
    told.read += read;
    told.scan_ns += scan_ns;
    told.finish_ns += finish_ns;
  }

  /// A message of no rows, with what all of them took.
  chunk statistics() {
    const std::lock_guard lock{mutex};
    told.read.parts_total += std::exchange(work.parts_left_out, 0);
    told.elapsed_ns = clock->monotonic_ns() - began_ns;
    if (work.memory)
      told.memory_bytes = work.memory->most_held();
    query::partial_result out;
    out.statistics = told.read;
    out.nodes.push_back(told);
    return encode(out).front();
  }

  void make(size_t morsel, const query_flow_actor& owner) {
    auto fault = caught("the answer to a query", [&]() -> error {
      if (execution->morsel_count() == 0) {
        auto nothing = execution->finish();
        if (nothing)
          tell(nothing->statistics, 0, 0);
        return nothing ? error{} : nothing.failure();
      }
      const auto begin_ns = clock->monotonic_ns();
      execution->run(morsel);
      const auto scanned_ns = clock->monotonic_ns();
      query::held_memory room;
      auto rows = execution->take(morsel, &room);
      if (!rows)
        return rows.failure();
      // Held until they are given; what waits for that is a few windows.
      query::held_memory messages{work.memory.get()};
      if (auto refused = messages.set(rows->byte_count()))
        return refused;
      found[morsel] = encode(*rows, piece_bytes, {.cancel = &pool.given_up()});
      tell(rows->statistics, scanned_ns - begin_ns,
           clock->monotonic_ns() - scanned_ns);
      return {};
    });
    caf::anon_send(owner, job_atom::value, morsel,
                   fault ? to_caf(fault) : caf::error{});
  }
};

caf::result<bool> query_flow_state::start() {
  auto promise = owed.owe(self);
  run->pool.submit(
    [shared = run, me = query_flow_actor{self}] { shared->open(me); });
  return promise;
}

void query_flow_state::opened(const caf::error& fault) {
  if (fault)
    return end(fault);
  course.emplace(run->found.size());
  carry_out(course->start());
}

void query_flow_state::done(size_t morsel, const caf::error& fault) {
  if (fault)
    return end(fault);
  if (!std::exchange(began, true))
    owed.give(true);
  carry_out(course->made(morsel, std::exchange(run->found[morsel], {})));
}

void query_flow_state::carry_out(const result_flow::effects& what) {
  for (const auto morsel : what.make)
    run->pool.submit([shared = run, me = query_flow_actor{self}, morsel] {
      shared->make(morsel, me);
    });
  for (const auto& piece : what.give)
    self->send(sink, chunk_atom_v, flow, piece);
  if (auto refused = run->ready.set(course->ready_bytes()))
    return end(to_caf(refused));
  if (!what.over)
    return;
  self->send(sink, chunk_atom_v, flow, run->statistics());
  end({});
}

void query_flow_state::end(const caf::error& fault) {
  if (!std::exchange(began, true))
    owed.give(fault);
  else
    self->send(sink, finished_atom_v, flow, fault);
  self->quit(fault);
}

query_flow_actor::behavior_type
query_flow(query_flow_actor::stateful_pointer<query_flow_state> self,
           persistence::env* world, std::shared_ptr<query_work> work,
           flow_id flow, result_sink_actor sink) {
  auto& state = self->state;
  state.env = world;
  state.flow = flow;
  state.sink = std::move(sink);
  self->set_down_handler(
    [self](const caf::down_msg& down) { self->quit(down.reason); });
  self->monitor(state.sink);
  state.run
    = std::make_shared<query_flow_state::shared_run>(std::move(*work), *world);
  // A flow that ends early stops its workers.
  self->attach_functor([shared = state.run] { shared->pool.give_up(); });
  return {
    [self](ack_atom, byte_number bytes) {
      if (self->state.course)
        self->state.carry_out(self->state.course->taken(bytes.value));
    },
    [self](stop_atom) { self->quit(); },
    [self](start_atom) { return self->state.start(); },
    [self](job_atom, const caf::error& fault) { self->state.opened(fault); },
    [self](job_atom, size_t morsel, const caf::error& fault) {
      self->state.done(morsel, fault);
    },
  };
}

void ready_rows_state::taken(uint64_t bytes) {
  moved = true;
  auto give = [&](const result_flow::effects& what) {
    for (const auto& piece : what.give)
      self->send(sink, chunk_atom_v, flow, piece);
    if (!what.over)
      return;
    self->send(sink, finished_atom_v, flow, caf::error{});
    self->quit();
  };
  give(course.taken(bytes));
  if (!rows.empty())
    give(course.made(0, std::exchange(rows, {})));
}

void ready_rows_state::tick() {
  if (!std::exchange(moved, false)) {
    self->send(sink, finished_atom_v, flow,
               to_caf({errc::timeout, "the client took no rows for too long"}));
    return self->quit();
  }
  self->delayed_send(self, patience, caf::tick_atom_v);
}

ready_rows_actor::behavior_type
ready_rows(ready_rows_actor::stateful_pointer<ready_rows_state> self,
           chunks rows, flow_id flow, result_sink_actor sink,
           caf::timespan patience,
           std::shared_ptr<query::memory_account> memory) {
  auto& state = self->state;
  state.memory = std::move(memory);
  state.rows = std::move(rows);
  state.flow = flow;
  state.sink = std::move(sink);
  self->set_down_handler(
    [self](const caf::down_msg& down) { self->quit(down.reason); });
  self->monitor(state.sink);
  state.patience = patience;
  state.tick();
  return {
    [self](ack_atom, byte_number bytes) { self->state.taken(bytes.value); },
    [self](stop_atom) { self->quit(); },
    own_ticks(self),
  };
}

} // namespace millrace::torq
