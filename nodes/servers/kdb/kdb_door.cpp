#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/nodes/servers/kdb/kdb_door.hpp>
#include <millrace/query/execution/partial.hpp>

#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

error is_by_message() {
  return {errc::invalid_argument,
          "type: it answers by a message; send it as one that wants no "
          "response"};
}

/// A question, as its answer is to be written.
struct question_way {
  std::shared_ptr<door_inbox> inbox;
  connection_id from = 0;
  uint64_t request = 0;
  answer_form form;
  bool is_text = false;
  bool is_deferred = false;
  bool is_compressed = false; ///< If it is long, and gets shorter by it.
};

std::string as_sent(std::string message, bool is_compressed) {
  return is_compressed && message.size() > compressed_from_bytes
           ? compressed(std::move(message))
           : message;
}

/// On a thread of the pool: the answer as the client reads it.
void write_answer(const question_way& way, const chunks& parts,
                  std::vector<std::string> warnings) {
  question_done out{way.from, way.request};
  out.warnings = std::move(warnings);
  const auto fault = caught("the answer to a query", [&]() -> error {
    auto rows = query::joined_rows(parts);
    if (!rows)
      return rows.failure();
    auto message = way.is_text
                     ? result<std::string>{table_text(*rows)}
                     : table_message(way.is_deferred ? message_kind::async
                                                     : message_kind::response,
                                     *rows, way.form);
    if (!message)
      return message.failure();
    out.message = as_sent(*std::move(message), way.is_compressed);
    return {};
  });
  if (fault)
    out.message = fault;
  way.inbox->put(std::move(out));
}

} // namespace

kdb_door_state::~kdb_door_state() {
  if (inbox)
    inbox->close();
  close_publishers();
}

void kdb_door_state::act(question_done& what) {
  const auto found = asking.find(what.from);
  if (found == asking.end() || found->second.request != what.request)
    return; // Its client is gone.
  const auto now = env->clock->monotonic_ns();
  if (!what.message && what.message.failure().code == errc::closed
      && gateway->ask_again(what.from))
    return;
  if (!what.warnings.empty()) {
    ++incomplete;
    tell("incomplete", "an answer may lack rows: " + what.warnings.front());
  }
  if (what.message && !core.has_room(what.message->size()))
    what.message = no_room_for(what.message->size());
  gateway->done(what.from);
  const auto done = std::move(asking.extract(found).mapped());
  if (done.is_deferred)
    return answer_deferred(what.from, what.request, std::move(what.message));
  const bool failed = !what.message;
  const auto fault = failed ? as_in_q(what.message.failure()) : error{};
  auto message = !failed        ? *std::move(what.message)
                 : done.is_text ? value_text(fault)
                                : answer_message(fault);
  perform(
    core.answered(what.from, what.request, std::move(message), failed, now));
}

void kdb_door_state::perform(const finish_connection& what) {
  subscribed.remove(what.which);
  door_state::perform(what);
}
void kdb_door_state::perform(const drop_connection& what) {
  subscribed.remove(what.which);
  door_state::perform(what);
}
void kdb_door_state::perform(const give_up& what) {
  subscribing.erase(what.from);
  publishing.erase(what.from);
  gateway->give_up(what.from);
  asking.erase(what.from);
}

void kdb_door_state::perform(const take_up<value>& what) {
  const auto* client = core.find(what.from);
  const request_setting with{
    .tables = &settings.tables,
    .stamped = &settings.stamped,
    .process = settings.process,
    .host = settings.host,
    .pid = settings.pid,
    .now_ns = env->clock->now_ns(),
    .user = client ? client->user() : std::string{},
    .handle = static_cast<int32_t>(what.from),
    .grants = client ? grants_of(client->user()) : nullptr,
    .queries = settings.queries.get(),
  };
  auto made = understand(what.what, with);
  if (!made && made.failure().code == errc::not_found) {
    const auto told = made.failure().context;
    const auto table = told.substr(0, told.find(':'));
    if (settings.tables.contains(table))
      audit(what.from, with.user, "access", table, false);
  }
  if (!made)
    return answer(what.from, what.request, as_in_q(made.failure()));
  std::visit([&](auto& each) { undertake(what, each); }, *made);
}

void kdb_door_state::undertake(const take_up<value>& of, const value& known) {
  answer(of.from, of.request, known);
}

void kdb_door_state::undertake(const take_up<value>& of,
                               const deferred_answer& known) {
  if (of.wants_answer)
    return answer(of.from, of.request,
                  known.what ? is_by_message() : as_in_q(known.what.failure()));
  answer_deferred(of.from, of.request,
                  known.what ? write_message(message_kind::async, *known.what)
                             : known.what.failure());
}

void kdb_door_state::undertake(const take_up<value>& of,
                               gateway_question& question) {
  const auto* client = core.find(of.from);
  if (question.is_deferred && of.wants_answer)
    return answer(of.from, of.request, is_by_message());
  if (!question.is_deferred && !of.wants_answer)
    return answer(of.from, of.request, generic_null());
  question.form.capability = client ? client->capability() : char{3};
  const question_way way{.inbox = inbox,
                         .from = of.from,
                         .request = of.request,
                         .form = question.form,
                         .is_text = client && client->is_text(),
                         .is_deferred = question.is_deferred,
                         .is_compressed = compresses_for(of.from)};
  asking[of.from] = {of.request, way.is_text, way.is_deferred};
  ask_gateway(
    of.from, client ? client->user() : std::string{},
    {.parameters = std::move(question.parameters),
     .deadline_ns = env->clock->monotonic_ns() + settings.query_timeout_ns,
     .write
     = [way](const chunks& rows,
             const query_cut& cut) { write_answer(way, rows, cut.warnings); },
     .fail =
       [way](error why) {
         question_done out{way.from, way.request};
         out.message = std::move(why);
         way.inbox->put(std::move(out));
       }});
}

bool kdb_door_state::compresses_for(connection_id to) const {
  const auto* client = core.find(to);
  return client && !client->is_text()
         && is_sent_compressed(client->capability(), core.peer_of(to));
}

void kdb_door_state::answer(connection_id to, uint64_t request,
                            const result<value>& with) {
  const auto* client = core.find(to);
  auto message = client && client->is_text()
                   ? value_text(with)
                   : as_sent(answer_message(with), compresses_for(to));
  perform(core.answered(to, request, std::move(message), !with,
                        env->clock->monotonic_ns()));
}

/// A message of its own; a failure is a text that says so.
void kdb_door_state::answer_deferred(connection_id to, uint64_t request,
                                     result<std::string> message) {
  const auto now = env->clock->monotonic_ns();
  const bool failed = !message;
  const auto fault = failed ? as_in_q(message.failure()) : error{};
  if (failed)
    message = write_message(message_kind::async,
                            text_value("error: " + fault.context));
  if (message)
    perform(core.push(to, *std::move(message), now));
  perform(core.answered(to, request, fault.context, failed, now));
}

const table_schema* kdb_door_state::schema_of(const std::string& table) const {
  const auto found = settings.tables.find(table);
  return found == settings.tables.end() ? nullptr : &found->second;
}

void kdb_door_state::add(const table_news& what) {
  const auto& table = what.schema.name;
  settings.tables.emplace(table, what.schema);
  settings.streams.emplace(table, what.stream);
  if (what.stamps)
    settings.stamped.insert(table);
}

void kdb_door_state::tick() {
  door_state::tick();
  tick_streams(env->clock->monotonic_ns());
}

status_facts kdb_door_state::status() const {
  auto out = status_as("kdb");
  out.add("batches_refused", refused_batches);
  out.add("incomplete", incomplete);
  out.add("subscriptions", subscribed.size());
  out.add("pushed", pushed);
  out.add("publishing", publishing.size());
  return out;
}

kdb_door_actor::behavior_type
kdb_door(kdb_door_actor::stateful_pointer<kdb_door_state> self,
         persistence::env* world, kdb_door_settings settings,
         std::shared_ptr<std::unique_ptr<listener>> open,
         connector_actor connector, registrar_actor registry) {
  self->state.begin(world, std::move(settings), std::move(*open),
                    std::move(connector), registry);
  return {
    [self](status_atom) { return self->state.status(); },
    [self](watch_atom, const std::vector<process_row>& rows) {
      self->state.know(rows);
    },
    [self](inbox_atom) { self->state.take_inbox(); },
    [self](synced_atom) { self->state.publish_all(); },
    own_ticks(self),
    [self](take_table_atom, const table_news& news) {
      return self->state.take_table(news);
    },
  };
}

} // namespace millrace::nodes::kdb
