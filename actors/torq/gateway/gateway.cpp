#include <millrace/actors/torq/execute/bundle_source.hpp>
#include <millrace/actors/torq/execute/query_flow.hpp>
#include <millrace/actors/torq/gateway/explained.hpp>
#include <millrace/actors/torq/gateway/gateway.hpp>
#include <millrace/actors/torq/gateway/gateway_flow.hpp>
#include <millrace/actors/torq/gateway/heard_question.hpp>
#include <millrace/actors/torq/registry/declarations.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/actor_cast.hpp>

#include <set>

namespace millrace::torq {

namespace {
constexpr auto tick_interval = std::chrono::milliseconds{250};
const std::set both_roles{backend_role::rdb, backend_role::hdb};

chunks told(query::table_data table) {
  query::partial_result out;
  out.chunks.push_back({0, std::move(table)});
  return encode(out);
}

/// Of two limits, where 0 is none.
uint64_t lesser_limit(uint64_t a, uint64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

std::vector<std::string> names_of(const gateway_settings& settings) {
  std::vector<std::string> out;
  for (const auto& each : settings.tables)
    out.push_back(each.first);
  return out;
}

} // namespace

gateway_state::asker gateway_state::current_asker() const {
  return {.client = caf::actor_cast<caf::actor_addr>(self->current_sender()),
          .since_ns = env->clock->monotonic_ns()};
}

std::shared_ptr<query::memory_account>
gateway_state::account_of(const query::logical_plan& plan,
                          uint64_t bytes_max) const {
  auto own = questions_memory;
  own.each_max = bytes_max;
  return own.account("the query on table '" + plan.table + "'",
                     "memory_max of the gateway, or of the user who asks");
}

void gateway_state::count(const asker& whose, const error& how) {
  const auto took_ns = env->clock->monotonic_ns() - whose.since_ns;
  times.add(whose.language, how.code, took_ns);
  tell_ending(whose, how, took_ns);
}

void gateway_state::query(const std::string& parameters, asker to) {
  if (const auto held = open_questions(); held >= settings.running_max) {
    const error why{errc::busy, settings.process + ": " + std::to_string(held)
                                  + " queries run or wait; retry later"};
    count(to, why);
    to.promise.deliver(to_caf(why));
    return;
  }
  auto heard = hear_question(
    parameters,
    [&](std::string_view table) -> const table_schema* {
      const auto found = settings.tables.find(std::string{table});
      return found == settings.tables.end() ? nullptr : &found->second.schema;
    },
    names_of(settings), *settings.queries, env->clock->now_ns());
  if (!heard.audit.empty() && settings.on_note)
    settings.on_note("audit", heard.audit);
  to.shown = std::move(heard.shown);
  auto& asked = heard.what;
  if (!asked) {
    count(to, asked.failure());
    to.promise.deliver(to_caf(asked.failure()));
    return;
  }
  to.language = asked->language;
  if (asked->explain || asked->told) {
    count(to, {});
    give(to,
         told(asked->told && !asked->explain
                ? *std::move(asked->told)
                : explained(asked->told ? "told by the gateway\n"
                                        : to_string(asked->plan),
                            to.language)),
         query_cut{});
    return;
  }
  if (asked->analyze)
    to.analyzed = to_string(asked->plan);
  to.rows_max = heard.rows_max;
  to.bytes_max = heard.bytes_max;
  to.priority = std::min(asked->priority, heard.priority_max);
  ask(*std::move(asked), std::move(to));
}

void gateway_state::give(asker& to, const chunks& rows, const query_cut& cut) {
  if (!to.analyzed.empty()) {
    const auto took_ns = env->clock->monotonic_ns() - to.since_ns;
    const auto text
      = std::exchange(to.analyzed, {}) + analysis_of(rows, cut, took_ns);
    return give(to, told(explained(text, to.language)), cut);
  }
  if (!to.sink) {
    to.promise.deliver(bundle_of(self, rows, to.client, to.memory), cut);
    return;
  }
  result_source_actor source
    = self->spawn(ready_rows, rows, to.flow, to.sink,
                  caf::timespan{settings.query_timeout_ns}, to.memory);
  to.promise.deliver(source, cut);
}

void gateway_state::ask(query::question asked, asker to) {
  const auto deadline_ns
    = env->clock->monotonic_ns()
      + (asked.timeout_ns > 0
           ? std::min(asked.timeout_ns, settings.query_timeout_ns)
           : settings.query_timeout_ns);
  if (asked.plan.is_fragment()) {
    held_question what;
    what.plan = std::move(asked.plan.fragments.front());
    what.at_least = asked.at_least;
    what.as_of = asked.as_of;
    what.deadline_ns = deadline_ns;
    what.to = std::move(to);
    return ask_alone(std::move(what));
  }
  plan_request request;
  request.plan = std::move(asked.plan);
  request.at_least = asked.at_least;
  request.as_of = asked.as_of;
  request.deadline_ns = deadline_ns;
  request.rows_max = lesser_limit(settings.result_rows_max, to.rows_max);
  request.bytes_max = lesser_limit(settings.result_bytes_max, to.bytes_max);
  request.priority = to.priority;
  request.client = to.client;
  name_sources(request);
  if (auto fault = check_place(request)) {
    count(to, fault);
    to.promise.deliver(to_caf(fault));
    return;
  }
  ask_joined(std::move(request), std::move(to));
}

/// A fragment that is all of its plan.
void gateway_state::ask_alone(held_question what) {
  if (what.plan.rows_max == 0)
    what.plan.rows_max = settings.result_rows_max;
  // Nobody holds all of what flows.
  if (what.plan.bytes_max == 0 && !what.to.flows(what.plan))
    what.plan.bytes_max = settings.result_bytes_max;
  what.plan.priority = what.to.priority;
  what.plan.rows_max = lesser_limit(what.plan.rows_max, what.to.rows_max);
  what.plan.bytes_max = lesser_limit(what.plan.bytes_max, what.to.bytes_max);
  hold(std::move(what));
}

/// A question that names no place is about all that its stream has now.
void gateway_state::start(held_question what) {
  const auto& table = settings.tables.at(what.plan.table);
  const auto stream = streams.find(table.home.stream);
  const bool grows = table.in_rdb
                     || backends.known(backend_role::rdb, table.home)
                     || written_down(table) != position{};
  const auto needs_no_end = [&](const std::optional<position>& at) {
    return at && is_of_this_life(stream->second, *at)
           && !may_be_reborn(stream->second, what.plan.table);
  };
  if (!grows || stream == streams.end() || what.upto.at != newest
      || needs_no_end(what.as_of) || needs_no_end(what.at_least))
    run(std::move(what), {});
  else
    inquire(std::move(what));
}

/// An RDB follows another life of the stream than answers were of.
bool gateway_state::may_be_reborn(const followed_stream& stream,
                                  const std::string& table) const {
  const auto& life = stream.ends.floor().life;
  const auto rdbs
    = backends.candidates(backend_role::rdb, settings.tables.at(table).home);
  return life.is_known()
         && std::any_of(rdbs.begin(), rdbs.end(), [&](const auto* rdb) {
              return rdb->standing && rdb->standing->life.is_known()
                     && rdb->standing->life != life;
            });
}

void gateway_state::say_what_is_asked(const held_question& what,
                                      cut_query::question& question) {
  const auto& table = settings.tables.at(what.plan.table);
  question.table = what.plan.table;
  question.stream = table.home.stream;
  question.at_least = what.at_least.value_or(position{});
  if (const auto stream = streams.find(table.home.stream);
      stream != streams.end()) {
    // Nobody is answered below what another one was told.
    const auto floor = stream->second.ends.floor();
    question.at_least = std::max(question.at_least, floor.at);
    question.life = floor.life;
  }
  if (what.as_of) {
    question.at_least = question.upto = *what.as_of;
    question.as_asked = true;
  }
  if (what.part_of)
    keep_to_plan(what, question);
  question.deadline_ns = what.deadline_ns;
  question.wants_hdb
    = table.in_hdb || backends.known(backend_role::hdb, table.home);
  question.wants_rdb
    = table.in_rdb || backends.known(backend_role::rdb, table.home);
  question.hdb_hint = table.hdb_hint;
  question.rdb_hint = table.rdb_hint;
}

void gateway_state::run(held_question what,
                        const std::vector<std::string>& warnings) {
  if (auto fault = strange_place(what))
    return refuse(what, to_caf(fault));
  const auto& table = settings.tables.at(what.plan.table);
  auto request = std::make_shared<gateway_request>();
  request->plan = what.plan;
  request->warnings = warnings;
  request->gateway = self->address();
  if (!table.warning.empty())
    request->warnings.push_back(table.warning);
  auto& question = request->question;
  say_what_is_asked(what, question);
  if (auto text = question.wants_rdb ? std::string{} : unheld_text(table);
      !text.empty())
    request->warnings.push_back(std::move(text));
  ++turn;
  name_backends(what, table.home, *request);
  const auto number = ++question_last;
  what.connections_then = connections;
  // What flows is bounded by what it is given at a time.
  request->memory
    = what.part_of
        ? what.part_of->memory
        : account_of(what.plan,
                     what.to.flows(what.plan) ? 0 : what.plan.bytes_max);
  what.to.memory = request->memory;
  if (what.to.flows(request->plan)) {
    auto source
      = self->spawn(gateway_flow, env, std::move(request), what.to.flow,
                    what.to.sink, settings.query_timeout_ns);
    self->monitor(source);
    under_way.emplace(
      number,
      running_question{std::move(what), caf::actor_cast<caf::actor>(source)});
    self->request(source, caf::infinite, start_atom::value)
      .then([this, number](const query_cut& cut) { flow(number, cut); },
            [this, number](const caf::error& fault) { fail(number, fault); });
    return;
  }
  auto runner = self->spawn(gateway_query, env, std::move(request));
  under_way.emplace(
    number,
    running_question{std::move(what), caf::actor_cast<caf::actor>(runner)});
  self->request(runner, caf::infinite, start_atom::value)
    .then([this, number](const chunks& rows,
                         const query_cut& cut) { answer(number, rows, cut); },
          [this, number](const caf::error& fault) { fail(number, fault); });
}

void gateway_state::answer(uint64_t number, const chunks& rows, query_cut cut) {
  auto found = under_way.extract(number);
  if (!found)
    return; // Its client is gone.
  auto& what = found.mapped().what;
  const auto& table = settings.tables.at(what.plan.table);
  if (const auto stream = streams.find(table.home.stream);
      stream != streams.end())
    stream->second.ends.gave({cut.upper, cut.life});
  if (!what.part_of)
    count(what.to, {});
  leave_client(what.to.client);
  if (what.part_of)
    what.to.promise.deliver(rows, cut); // To its plan, which is here.
  else
    give(what.to, rows, cut);
}

void gateway_state::flow(uint64_t number, const query_cut& cut) {
  const auto found = under_way.find(number);
  if (found == under_way.end())
    return; // Its client is gone.
  found->second.flows = true;
  auto& what = found->second.what;
  if (const auto stream
      = streams.find(settings.tables.at(what.plan.table).home.stream);
      stream != streams.end())
    stream->second.ends.gave({cut.upper, cut.life});
  count(what.to, {});
  what.to.promise.deliver(
    caf::actor_cast<result_source_actor>(found->second.runner), cut);
}

void gateway_state::flow_ended(const caf::actor_addr& runner) {
  for (const auto& [number, running] : under_way)
    if (running.flows && running.runner.address() == runner) {
      leave_client(running.what.to.client);
      under_way.erase(number);
      return;
    }
}

void gateway_state::fail(uint64_t number, caf::error fault) {
  auto found = under_way.extract(number);
  if (!found)
    return;
  auto what = std::move(found.mapped().what);
  const auto now = env->clock->monotonic_ns();
  auto why = from_caf(fault);
  const bool another_may_do = why.code == errc::backend_lost
                              || why.code == errc::corrupt
                              || why.code == errc::storage_failed;
  if (another_may_do && now < what.deadline_ns
      && (may_come_back(what, why.code)
          || connections != what.connections_then)) {
    what.last_fault = std::move(why);
    waiting.push_back(std::move(what));
    return;
  }
  if (what.by_rows && may_ask_by_rows(why.code)) {
    leave_client(what.to.client);
    return begin_plan(*what.by_rows, 0, std::move(what.to));
  }
  if (another_may_do)
    fault = to_caf(with_the_gone(what, std::move(why)));
  refuse(what, std::move(fault));
}

void gateway_state::refuse(held_question& what, caf::error fault) {
  if (!what.part_of)
    count(what.to, from_caf(fault));
  leave_client(what.to.client);
  what.to.promise.deliver(std::move(fault));
}

void gateway_state::leave_client(const caf::actor_addr& client) {
  const auto found = clients.find(client);
  if (found == clients.end() || --found->second != 0)
    return;
  clients.erase(found);
  self->demonitor(client);
}

void gateway_state::forget_client(const caf::actor_addr& client) {
  if (clients.erase(client) == 0)
    return;
  const auto gone = [this](const held_question& what) {
    if (!what.part_of)
      count(what.to, {errc::cancelled, "its asker is gone"});
  };
  std::erase_if(under_way, [&](const auto& item) {
    if (item.second.what.to.client != client)
      return false;
    // Its work in the stores ends with it.
    self->send_exit(item.second.runner, caf::exit_reason::kill);
    gone(item.second.what);
    return true;
  });
  const auto is_of_client = [&](const held_question& what) {
    if (what.to.client != client)
      return false;
    gone(what);
    return true;
  };
  std::erase_if(waiting, is_of_client);
  for (auto& [stream_name, stream] : streams) {
    std::erase_if(stream.waiting,
                  [&](const auto& item) { return is_of_client(item.second); });
    std::erase_if(stream.unreached,
                  [&](const auto& item) { return is_of_client(item.what); });
  }
}

void gateway_state::lost(const caf::actor_addr& who) {
  forget_client(who);
  flow_ended(who);
  lost_node(who);
  const auto gone = backends.lost(who, env->clock->monotonic_ns());
  if (!gone.empty() && settings.on_warning)
    settings.on_warning("backend_lost",
                        gone
                          + " is gone: questions that need it go to another "
                            "one, or wait for it");
}

void gateway_state::watch(const std::vector<process_row>& rows) {
  if (met_ns == 0)
    met_ns = env->clock->monotonic_ns();
  for (const auto& fresh :
       backends.update(rows, both_roles, env->clock->monotonic_ns()))
    connect(fresh);
  for (const auto& row : rows)
    compare(row);
}

/// Whether it was started with other declarations of the same tables.
void gateway_state::compare(const process_row& row) {
  const auto& declares = row.attributes.at("declares");
  if (!declares.is_object())
    return;
  std::vector<table_schema> mine;
  for (const auto& [table, declared] : declares.entries())
    if (const auto found = settings.tables.find(table);
        found != settings.tables.end())
      mine.push_back(found->second.schema);
  auto differing = differing_declarations(mine, declares);
  auto& known = declared_otherwise[row.name];
  if (differing == known)
    return;
  known = std::move(differing);
  for (const auto& line : known)
    if (settings.on_warning)
      settings.on_warning("declared_otherwise",
                          row.name + " on node " + row.node + ": " + line
                            + "; start both nodes with one configuration");
}

void gateway_state::connect(const std::string& backend_name) {
  connect_backend(self, backends, backend_name, connector, *env->clock,
                  [this](const std::string& who) {
                    const auto& entry = *backends.find(who);
                    const auto refused = [this](const error& why) {
                      if (settings.on_warning)
                        settings.on_warning("backend_unfit",
                                            why.context
                                              + ": it is not asked; stop it, "
                                                "or give it another type");
                      run_waiting();
                    };
                    if (entry.role == backend_role::hdb)
                      follow_backend<hdb_actor, hdb_watcher_actor>(
                        self, backends, who, refused);
                    else
                      follow_backend<rdb_actor, rdb_watcher_actor>(
                        self, backends, who, refused);
                    ++connections;
                    if (settings.on_note)
                      settings.on_note("backend_found", who + " can be asked");
                    run_waiting();
                  });
}

void gateway_state::hear(const hdb_announcement& news) {
  if (!backends.heard(news))
    return;
  // Before it told what it has it was no copy to ask.
  ++connections;
  run_waiting();
}

void gateway_state::hear(const rdb_announcement& news) {
  auto* entry = backends.find(news.process);
  if (entry != nullptr && entry->handle)
    entry->standing = news;
}

void gateway_state::tick() {
  const auto now = env->clock->monotonic_ns();
  connect_streams();
  for (const auto& [stream_name, stream] : streams) {
    inquire_waiting(stream_name);
    inquire_again(stream_name);
  }
  watch_streams();
  run_waiting();
  for (auto& [backend_name, entry] : backends.all())
    if (entry.link.due(now))
      connect(backend_name);
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

gateway_self_actor::behavior_type
gateway(gateway_self_actor::stateful_pointer<gateway_state> self,
        persistence::env* world, gateway_settings settings,
        connector_actor connector, registrar_actor registry) {
  auto& state = self->state;
  state.env = world;
  state.settings = std::move(settings);
  state.questions_memory
    = {state.settings.result_bytes_max, state.settings.process,
       state.settings.queries_memory_max_bytes};
  state.connector = std::move(connector);
  state.started_ns = world->clock->monotonic_ns();
  state.backends.expect(state.settings.hdbs, state.started_ns);
  for (const auto& [stream_name, nodes] : state.settings.streams)
    for (const auto& at : nodes)
      state.streams[stream_name].nodes.emplace_back().at = at;
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down.source); });
  // All: who takes rows in is compared too.
  if (registry)
    self->send(registry, caf::subscribe_atom_v, std::string{},
               caf::actor_cast<watcher_actor>(self));
  self->send(self, caf::tick_atom_v);
  return {
    [self](status_atom) { return self->state.status(); },
    [self](query_atom, const std::string& parameters) {
      auto to = self->state.current_asker();
      auto promise = self->make_response_promise<bundle, query_cut>();
      to.promise = promise;
      self->state.query(parameters, std::move(to));
      return promise;
    },
    [self](query_atom, const std::string& parameters, flow_id flow,
           result_sink_actor sink) {
      auto to = self->state.current_asker();
      auto promise
        = self->make_response_promise<result_source_actor, query_cut>();
      to.promise = promise;
      to.sink = std::move(sink);
      to.flow = flow;
      self->state.query(parameters, std::move(to));
      return promise;
    },
    [self](fragment_atom, uint64_t plan, size_t fragment, position upto,
           const lineage_id& life) {
      auto to = self->state.current_asker();
      auto promise = self->make_response_promise<chunks, query_cut>();
      to.promise = promise;
      self->state.ask_fragment(plan, fragment, {upto, life}, std::move(to));
      return promise;
    },
    [self](watch_atom, const std::vector<process_row>& rows) {
      self->state.watch(rows);
    },
    [self](announce_atom, const hdb_announcement& news) {
      self->state.hear(news);
    },
    [self](announce_atom, const rdb_announcement& news) {
      self->state.hear(news);
    },
    [self](take_table_atom, const table_news& news) {
      return self->state.take_table(news);
    },
    own_ticks(self),
  };
}

} // namespace millrace::torq
