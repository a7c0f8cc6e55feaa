#include <millrace/messages/base/caught.hpp>
#include <millrace/nodes/servers/postgres/postgres_door.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <caf/send.hpp>

#include <chrono>
#include <utility>

namespace millrace::nodes::postgres {

namespace {

/// On a thread of the pool: the answer as a session takes it.
rows_done answer_of(const chunks& parts, const query_cut& cut,
                    const result_formats& formats,
                    const std::optional<copy_style>& copy) {
  rows_done out;
  const auto fault = caught("the answer to a query", [&]() -> error {
    const auto rows = query::joined_rows(parts);
    if (!rows)
      return rows.failure();
    auto made
      = copy ? copy_messages(*rows, *copy) : row_messages(*rows, formats);
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

void postgres_door_state::perform(const give_up& what) {
  gateway->give_up(what.from);
  asking.erase(what.from);
}

void postgres_door_state::perform(take_up<pg_wish>& what) {
  std::visit([&](auto& each) { undertake(what, each); }, what.what);
}

void postgres_door_state::undertake(const take_up<pg_wish>& of,
                                    const login_wish& who) {
  if (const auto why = refusal_of(of.from, who.user))
    return answer(of.from, of.request,
                  error_message({"FATAL", "53300", why.context, 0}), true);
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
  const auto* client = core.find(of.from);
  ask_gateway(of.from, client ? client->user() : std::string{},
              {.parameters = parameters.dump(),
               .deadline_ns = env->clock->monotonic_ns() + timeout_ns,
               .write =
                 [to = inbox, from = of.from, request = of.request,
                  formats = what.formats,
                  copy = what.copy](const chunks& rows, const query_cut& cut) {
                   auto made = answer_of(rows, cut, formats, copy);
                   made.from = from;
                   made.request = request;
                   to->put(std::move(made));
                 },
               .fail =
                 [to = inbox, from = of.from, request = of.request,
                  source = what.source, begin = what.begin](const error& why) {
                   to->put(rows_done{from, request,
                                     error_message(told(why, source, begin)),
                                     true, why.code == errc::closed});
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

const table_schema*
postgres_door_state::schema_of(const std::string& table) const {
  const auto found = settings.served->tables.find(table);
  return found == settings.served->tables.end() ? nullptr : &found->second;
}

void postgres_door_state::add(const table_news& what) {
  settings.served->tables.emplace(what.schema.name, what.schema);
  settings.tables.emplace(what.schema.name, what.schema);
}

status_facts postgres_door_state::status() const {
  auto out = status_as("postgres");
  out.add("cancelled", cancelled);
  out.add("incomplete", incomplete);
  return out;
}

postgres_door_actor::behavior_type
postgres_door(postgres_door_actor::stateful_pointer<postgres_door_state> self,
              persistence::env* world, postgres_door_settings settings,
              std::shared_ptr<std::unique_ptr<listener>> open,
              connector_actor connector, registrar_actor registry) {
  self->state.begin(world, std::move(settings), std::move(*open),
                    std::move(connector), registry);
  return self->state.behavior();
}

} // namespace millrace::nodes::postgres
