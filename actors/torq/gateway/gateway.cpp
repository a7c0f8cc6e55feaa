#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/gateway/gateway.hpp>
#include <millrace/actors/torq/gateway/gateway_query.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/front/getdata.hpp>

#include <caf/actor_cast.hpp>

namespace millrace::torq {

namespace {
constexpr auto tick_interval = std::chrono::milliseconds{250};
constexpr int64_t start_grace_ns = 10'000'000'000;

/// The plan as text, as a table of one column and one row.
chunks explained(const query::logical_plan& plan) {
  const auto text = to_string(plan);
  query::column_data column;
  column.name = "query";
  column.type = column_type::string;
  column.bytes = text;
  column.push(static_cast<uint32_t>(text.size()));
  query::partial_result out;
  out.chunks.resize(1);
  out.chunks[0].table.columns.push_back(std::move(column));
  out.chunks[0].table.row_count = 1;
  return to_chunks(encode(out));
}

} // namespace

caf::result<chunks, query_cut>
gateway_state::query(const std::string& parameters) {
  if (running + waiting.size() >= settings.running_max) {
    ++refused;
    return to_caf(
      {errc::limit_exceeded, settings.process + ": "
                               + std::to_string(running + waiting.size())
                               + " queries run or wait; retry later"});
  }
  auto asked = query::parse_getdata(
    parameters, [this](std::string_view table) -> const table_schema* {
      const auto found = settings.tables.find(std::string{table});
      return found == settings.tables.end() ? nullptr : &found->second.schema;
    });
  if (!asked) {
    ++refused;
    return to_caf(asked.failure());
  }
  if (asked->explain) {
    ++answered;
    return {explained(asked->plan), query_cut{}};
  }
  held_question what;
  what.plan = std::move(asked->plan);
  what.at_least = asked->at_least.value_or(position{});
  what.deadline_ns
    = env->clock->monotonic_ns()
      + (asked->timeout_ns > 0
           ? std::min(asked->timeout_ns, settings.query_timeout_ns)
           : settings.query_timeout_ns);
  if (what.plan.rows_max == 0)
    what.plan.rows_max = settings.result_rows_max;
  if (what.plan.bytes_max == 0)
    what.plan.bytes_max = settings.result_bytes_max;
  auto promise = self->make_response_promise<chunks, query_cut>();
  what.promise = promise;
  if (ready(what))
    run(std::move(what));
  else
    waiting.push_back(std::move(what));
  return promise;
}

/// Back ends become known one by one when a cluster starts: for a moment a
/// question waits for them. Later, what is not there is missing.
bool gateway_state::ready(const held_question& what) const {
  const auto now = env->clock->monotonic_ns();
  if (now - started_ns > start_grace_ns || now >= what.deadline_ns)
    return true;
  const auto& table = settings.tables.at(what.plan.table);
  const auto connected = [&](const char* type) {
    return !backends.candidates(type, table.stream, what.plan.table, 0).empty();
  };
  return (!table.in_rdb || connected("rdb"))
         && (!table.in_hdb || connected("hdb"));
}

void gateway_state::run(held_question what) {
  const auto& table = settings.tables.at(what.plan.table);
  auto request = std::make_shared<gateway_request>();
  request->plan = std::move(what.plan);
  auto& question = request->question;
  question.table = request->plan.table;
  question.stream = table.stream;
  question.at_least = what.at_least;
  question.deadline_ns = what.deadline_ns;
  question.wants_hdb = table.in_hdb || backends.known("hdb", table.stream);
  question.wants_rdb = table.in_rdb || backends.known("rdb", table.stream);
  ++turn;
  for (const auto* hdb :
       backends.candidates("hdb", table.stream, question.table, turn)) {
    question.hdbs.push_back({hdb->row.name, hdb->cut_of(question.table)});
    request->handles[hdb->row.name] = hdb->handle;
  }
  for (const auto* rdb :
       backends.candidates("rdb", table.stream, question.table, turn)) {
    question.rdbs.push_back(rdb->row.name);
    request->handles[rdb->row.name] = rdb->handle;
  }
  auto runner = self->spawn(gateway_query, env, std::move(request));
  ++running;
  self->request(runner, caf::infinite, start_atom_v)
    .then(
      [this, promise = what.promise](const chunks& rows,
                                     const query_cut& cut) mutable {
        --running;
        ++answered;
        promise.deliver(rows, cut);
      },
      [this, promise = what.promise](caf::error& fault) mutable {
        --running;
        ++refused;
        promise.deliver(std::move(fault));
      });
}

void gateway_state::run_waiting() {
  for (auto& what : std::exchange(waiting, {}))
    if (ready(what))
      run(std::move(what));
    else
      waiting.push_back(std::move(what));
}

void gateway_state::watch(const std::vector<process_row>& rows) {
  for (const auto& fresh : backends.update(rows, {"rdb", "hdb"}))
    connect(fresh);
}

void gateway_state::connect(const std::string& backend_name) {
  connect_backend(self, backends, backend_name, connector, *env->clock,
                  [this](const std::string& who) {
                    const auto& entry = *backends.find(who);
                    if (entry.row.type == "hdb")
                      self->send(caf::actor_cast<hdb_actor>(entry.handle),
                                 caf::subscribe_atom_v,
                                 caf::actor_cast<hdb_watcher_actor>(self));
                    run_waiting();
                  });
}

void gateway_state::hear(const hdb_announcement& news) {
  auto* entry = backends.find(news.process);
  if (entry != nullptr && entry->handle)
    entry->announced = news;
}

void gateway_state::tick() {
  const auto now = env->clock->monotonic_ns();
  run_waiting();
  for (auto& [backend_name, entry] : backends.all())
    if (!entry.handle && !entry.connecting && now >= entry.retry_at_ns)
      connect(backend_name);
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

gateway_facts gateway_state::facts() const {
  gateway_facts out;
  out.answered = answered;
  out.refused = refused;
  out.running = running;
  for (const auto& [backend_name, entry] : backends.all())
    out.backends[backend_name] = {entry.row.type, entry.handle != nullptr};
  return out;
}

std::string to_json(const gateway_facts& facts) {
  text::json_value out{{"role", "gateway"},
                       {"answered", facts.answered},
                       {"refused", facts.refused},
                       {"running", facts.running}};
  auto& list = out.add("backends", text::json_value::object());
  for (const auto& [backend_name, entry] : facts.backends)
    list.add(backend_name,
             {{"type", entry.type}, {"connected", entry.connected}});
  return out.dump();
}

gateway_self_actor::behavior_type
gateway(gateway_self_actor::stateful_pointer<gateway_state> self,
        persistence::env* world, gateway_settings settings,
        connector_actor connector, registrar_actor registry) {
  auto& state = self->state;
  state.env = world;
  state.settings = std::move(settings);
  state.connector = std::move(connector);
  state.started_ns = world->clock->monotonic_ns();
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.backends.lost(down.source); });
  if (registry)
    for (const auto* type : {"rdb", "hdb"})
      self->send(registry, caf::subscribe_atom_v, std::string{type},
                 caf::actor_cast<watcher_actor>(self));
  self->send(self, caf::tick_atom_v);
  return {
    [self](status_atom) { return to_json(self->state.facts()); },
    [self](query_atom, const std::string& parameters) {
      return self->state.query(parameters);
    },
    [self](watch_atom, const std::vector<process_row>& rows) {
      self->state.watch(rows);
    },
    [self](announce_atom, const hdb_announcement& news) {
      self->state.hear(news);
    },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace millrace::torq
