#include <millrace/actors/torq/gateway/gateway_plan.hpp>
#include <millrace/messages/base/caught.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/execution/plan_run.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

constexpr size_t answer_message_bytes = 256u << 10;

/// The rows of a fragment's messages, which are given up one by one: those who
/// made them took memory for them.
result<query::table_data> fetched_rows_of(chunks messages,
                                          query::answer_statistics& statistics,
                                          const query::interruption& stop) {
  std::vector<query::partial_result> parts;
  query::held_memory room{stop.memory};
  for (auto& message : messages) {
    if (stop.stopped())
      return stop.fault("before its steps in the gateway");
    const auto bytes = std::exchange(message, chunk{});
    if (auto refused = room.add(bytes.size()))
      return refused;
    auto part = query::decode_partial(bytes.bytes());
    if (!part)
      return part.failure();
    if (stop.memory)
      stop.memory->give_back(bytes.size());
    statistics += {part->statistics, part->nodes, part->steps};
    parts.push_back(*std::move(part));
  }
  return query::joined_rows(std::move(parts), stop);
}

/// What is left of a plan, carried out on a pool thread.
result<chunks> carry_out(const plan_request& request,
                         std::vector<chunks> partials,
                         const query::interruption& stop,
                         persistence::executor* pool) {
  std::vector<query::table_data> fetched;
  query::answer_statistics statistics;
  query::held_memory rows{stop.memory};
  for (auto& messages : partials) {
    auto table = fetched_rows_of(std::move(messages), statistics, stop);
    if (!table)
      return table.failure();
    if (auto refused = rows.add(table->byte_count()))
      return refused;
    fetched.push_back(*std::move(table));
  }
  rows.release(); // The steps take them up.
  auto table
    = query::run_plan(request.plan.rest, fetched,
                      {.stop = stop, .pool = pool, .steps = &statistics.steps});
  if (!table)
    return table.failure();
  query::logical_plan limits;
  limits.table = request.plan.fragments.front().table;
  limits.rows_max = request.rows_max;
  limits.bytes_max = request.bytes_max;
  if (auto refused = query::refuse_beyond_limits(limits, table->row_count,
                                                 table->byte_count()))
    return refused;
  query::partial_result out;
  const auto bytes = table->byte_count();
  out.chunks.push_back({0, *std::move(table)});
  out.statistics = statistics.read;
  out.nodes = std::move(statistics.nodes);
  out.steps = std::move(statistics.steps);
  // Its rows, and the messages that they are packed into.
  query::held_memory packed{stop.memory};
  if (auto refused = rows.set(bytes))
    return refused;
  if (auto refused = packed.set(bytes))
    return refused;
  auto messages = encode(out, answer_message_bytes, stop);
  if (stop.stopped())
    return stop.fault("while its answer was packed");
  packed.keep();
  return messages;
}

} // namespace

caf::result<chunks, query_cut> gateway_plan_state::start() {
  auto promise = owed.owe(self);
  partials.resize(request->plan.fragments.size());
  cuts.emplace(request->sources);
  ask(cuts->start());
  return promise;
}

void gateway_plan_state::ask(const std::vector<plan_cuts::ask>& next) {
  for (const auto& [number, upto] : next)
    self
      ->request(gateway, caf::infinite, fragment_atom::value, request->number,
                number, upto.at, upto.life)
      .then(
        [this, n = number](const chunks& rows, const query_cut& at) {
          fragment_answered(n, rows, at);
        },
        [this](const caf::error& fault) { finish({}, fault); });
}

void gateway_plan_state::fragment_answered(size_t number, const chunks& rows,
                                           const query_cut& at) {
  partials[number] = rows;
  auto warnings = std::move(cut.warnings);
  for (const auto& each : at.warnings)
    if (std::find(warnings.begin(), warnings.end(), each) == warnings.end())
      warnings.push_back(each);
  if (number == 0)
    cut = at;
  cut.warnings = std::move(warnings);
  ask(cuts->answered(number, {at.upper, at.life}));
  if (!cuts->complete())
    return;
  pool->submit([me = gateway_plan_actor{self}, asked = request,
                from = std::move(partials), world = env,
                pool = pool]() mutable {
    const query::interruption stop{.cancel = &pool->given_up(),
                                   .clock = world->clock,
                                   .deadline_ns = asked->deadline_ns,
                                   .table = asked->plan.fragments.front().table,
                                   .memory = asked->memory.get()};
    chunks answer;
    auto fault = caught("the answer to a query", [&]() -> error {
      auto made = carry_out(*asked, std::move(from), stop, pool.get());
      if (!made)
        return made.failure();
      answer = *std::move(made);
      return {};
    });
    caf::anon_send(me, job_atom::value, std::move(answer),
                   fault ? to_caf(fault) : caf::error{});
  });
}

void gateway_plan_state::finish(const chunks& answer, const caf::error& fault) {
  if (fault)
    owed.give(fault);
  else
    owed.give(answer, cut);
  self->quit();
}

gateway_plan_actor::behavior_type
gateway_plan(gateway_plan_actor::stateful_pointer<gateway_plan_state> self,
             persistence::env* world, fragment_actor gateway,
             std::shared_ptr<const plan_request> request) {
  auto& state = self->state;
  state.env = world;
  state.gateway = std::move(gateway);
  // Without the one nobody carries its steps out, without the other nobody
  // waits for them. The gateway hears that it is over.
  self->set_down_handler([self](const caf::down_msg&) {
    self->state.finish(
      {}, to_caf({errc::cancelled, "its asker, or its gateway, is gone"}));
  });
  self->monitor(state.gateway);
  if (request->client)
    self->monitor(request->client);
  state.request = std::move(request);
  state.pool = std::make_shared<persistence::share_of_executor>(
    *world->pool, weight_of(state.request->priority));
  self->attach_functor([pool = state.pool] { pool->give_up(); });
  return {
    [self](start_atom) { return self->state.start(); },
    [self](job_atom, const chunks& answer, const caf::error& fault) {
      self->state.finish(answer, fault);
    },
  };
}

} // namespace millrace::torq
