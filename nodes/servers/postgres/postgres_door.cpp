#include <millrace/messages/base/caught.hpp>
#include <millrace/nodes/servers/postgres/postgres_door.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <caf/send.hpp>

#include <chrono>
#include <utility>

namespace millrace::nodes::postgres {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds{250};

/// On a thread of the pool: the answer as a session takes it.
rows_done answer_of(const chunks& parts, const query_cut& cut,
                    const result_formats& formats) {
  rows_done out;
  const auto fault = caught("the answer to a query", [&]() -> error {
    const auto rows = query::joined_rows(parts);
    if (!rows)
      return rows.failure();
    auto made = row_messages(*rows, formats);
    if (!made)
      return made.failure();
    for (const auto& warning : cut.warnings)
      out.messages += notice_message("rows may be missing: " + warning);
    out.is_incomplete = !cut.warnings.empty();
    out.messages
      = out.messages.empty() ? *std::move(made) : out.messages + *made;
    return {};
  });
  if (fault) {
    out.messages = error_message(told(fault, {}, 0));
    out.is_failure = true;
  }
  return out;
}

} // namespace

postgres_door_state::~postgres_door_state() {
  if (inbox)
    inbox->close();
}

void postgres_door_state::take_inbox() {
  for (auto& what : inbox->take())
    std::visit([this](auto& each) { act(each); }, what);
}

void postgres_door_state::act(const connection_event& what) {
  perform(core.step(what, env->clock->monotonic_ns()));
}

void postgres_door_state::act(rows_done& what) {
  const auto found = asking.find(what.from);
  if (found == asking.end() || found->second != what.request)
    return; // Its client is gone, or does not want it any more.
  if (what.is_lost && gateway->ask_again(what.from))
    return;
  gateway->done(what.from);
  asking.erase(found);
  incomplete += what.is_incomplete;
  if (!core.has_room(what.messages.size()))
    return answer(what.from, what.request,
                  error_message(told(no_room_for(what.messages.size()), {}, 0)),
                  true);
  answer(what.from, what.request, std::move(what.messages), what.is_failure);
}

void postgres_door_state::perform(core_type::effects effects) {
  in_turn.perform(std::move(effects), [this](auto& what) { perform(what); });
}

void postgres_door_state::perform(send_to& what) {
  port->send(what.to, std::move(what.bytes));
}
void postgres_door_state::perform(const read_on& what) {
  port->read_on(what.from);
}
void postgres_door_state::perform(const finish_connection& what) {
  port->finish(what.which);
}
void postgres_door_state::perform(const drop_connection& what) {
  port->drop(what.which);
}
void postgres_door_state::perform(const tell_of& what) {
  tell(what.id, what.text);
}
void postgres_door_state::perform(const give_up& what) {
  gateway->give_up(what.from);
  asking.erase(what.from);
}

void postgres_door_state::perform(take_up<pg_wish>& what) {
  std::visit([&](auto& each) { undertake(what, each); }, what.what);
}

void postgres_door_state::undertake(const take_up<pg_wish>& of,
                                    const login_wish&) {
  std::string said;
  append_number(said, static_cast<uint32_t>(of.from));
  append_number(said, static_cast<uint32_t>(env->random()));
  answer(of.from, of.request, std::move(said), false);
}

void postgres_door_state::undertake(const take_up<pg_wish>& of,
                                    query_wish& what) {
  asking[of.from] = of.request;
  text::json_value parameters{{"language", "sql"}, {"text", what.text}};
  auto timeout_ns = settings.query_timeout_ns;
  if (what.timeout_ns != 0 && what.timeout_ns < timeout_ns) {
    timeout_ns = what.timeout_ns;
    std::string span;
    query::append_integer(span, timeout_ns, column_type::timespan);
    parameters["timeout"] = span;
  }
  gateway->ask(
    of.from,
    {.parameters = parameters.dump(),
     .deadline_ns = env->clock->monotonic_ns() + timeout_ns,
     .write =
       [to = inbox, from = of.from, request = of.request,
        formats = what.formats](const chunks& rows, const query_cut& cut) {
         auto made = answer_of(rows, cut, formats);
         made.from = from;
         made.request = request;
         to->put(std::move(made));
       },
     .fail =
       [to = inbox, from = of.from, request = of.request, source = what.source,
        begin = what.begin](const error& why) {
         to->put(rows_done{from, request,
                           error_message(told(why, source, begin)), true,
                           why.code == errc::closed});
       }});
}

void postgres_door_state::undertake(const take_up<pg_wish>& of,
                                    const cancel_wish& what) {
  answer(of.from, of.request, {}, false);
  for (const auto& [from, request] : asking) {
    const auto* session = core.find(from);
    if (!session || !session->has(what))
      continue;
    ++cancelled;
    gateway->give_up(from);
    const auto number = request;
    const auto whom = from;
    asking.erase(whom);
    return answer(whom, number,
                  error_message({"ERROR", "57014",
                                 "the query was cancelled by its client", 0}),
                  true);
  }
}

void postgres_door_state::answer(connection_id to, uint64_t request,
                                 std::string messages, bool is_failure) {
  perform(core.answered(to, request, std::move(messages), is_failure,
                        env->clock->monotonic_ns()));
}

void postgres_door_state::tick() {
  perform(core.tick(env->clock->monotonic_ns()));
  gateway->tick();
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

void postgres_door_state::lost(const caf::down_msg& down) {
  if (const auto gone = gateway->lost(down.source); !gone.empty())
    tell("gateway_lost",
         gone + " is gone: questions wait for it, or for another one");
}

void postgres_door_state::tell(const std::string& id, const std::string& text) {
  const auto line = lines.next(id, text, env->clock->monotonic_ns());
  if (line && settings.on_warning)
    settings.on_warning(id, *line);
}

status_facts postgres_door_state::status() const {
  const auto facts = core.facts();
  return {{"role", "postgres"},
          {"listens", settings.address + ":" + std::to_string(settings.port)},
          {"gateway", gateway->gateway()},
          {"connections", facts.connections},
          {"connections_total", facts.connections_total},
          {"requests", facts.requests},
          {"failed", facts.failed},
          {"cancelled", cancelled},
          {"incomplete", incomplete},
          {"refused", facts.refused},
          {"last_refusal", facts.last_refusal},
          {"bytes_in", facts.bytes_in},
          {"bytes_out", facts.bytes_out},
          {"held_bytes", facts.held_bytes}};
}

postgres_door_actor::behavior_type
postgres_door(postgres_door_actor::stateful_pointer<postgres_door_state> self,
              persistence::env* world, postgres_door_settings settings,
              std::shared_ptr<std::unique_ptr<listener>> open,
              connector_actor connector, registrar_actor registry) {
  auto& state = self->state;
  state.env = world;
  state.core = postgres_door_state::core_type{settings.limits};
  state.settings = std::move(settings);
  state.gateway.emplace(self, world, std::move(connector),
                        state.settings.gateways);
  state.inbox = std::make_shared<port_inbox<postgres_input>>(
    [me = postgres_door_actor{self}] {
      caf::anon_send(me, inbox_atom::value);
    });
  state.port = std::move(*open);
  state.port->begin([inbox = state.inbox](connection_event what) {
    inbox->put(std::move(what));
  });
  self->set_down_handler(
    [self](const caf::down_msg& down) { self->state.lost(down); });
  if (registry)
    self->send(registry, caf::subscribe_atom_v, std::string{"gateway"},
               caf::actor_cast<watcher_actor>(self));
  self->send(self, caf::tick_atom_v);
  return {
    [self](status_atom) { return self->state.status(); },
    [self](watch_atom, const std::vector<process_row>& rows) {
      self->state.gateway->know(rows);
    },
    [self](inbox_atom) { self->state.take_inbox(); },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace millrace::nodes::postgres
