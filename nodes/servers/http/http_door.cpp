#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/nodes/monitoring/metrics_text.hpp>
#include <millrace/nodes/servers/http/exec_answer.hpp>
#include <millrace/nodes/servers/http/http_door.hpp>
#include <millrace/query/execution/partial.hpp>

#include <caf/send.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace millrace::nodes::http {

namespace {

/// Of a node, for what it says of itself.
constexpr auto status_patience = std::chrono::seconds{3};

/// A text as the value of a header, which is one line.
std::string header_text(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20)
      c = ' ';
  return text;
}

/// On a thread of the pool: the answer as the client reads it.
known_response answer_of(const chunks& parts, query::result_format format) {
  known_response out;
  const auto fault = caught("the answer to a query", [&]() -> error {
    out.type = type_of(format);
    query::result_writer text{format, [&](std::string_view piece) {
                                out.body += piece;
                                return error{};
                              }};
    for (const auto& part : parts) {
      auto rows = query::joined_rows(chunks{part});
      if (!rows)
        return rows.failure();
      if (auto refused = text.add(*std::move(rows)))
        return refused;
    }
    return text.finish();
  });
  return fault ? failed_response(fault) : out;
}

/// What an answer is of, and why rows may be missing.
std::string headers_of(const query_cut& cut) {
  auto out = "Millrace-Cut: manifest=" + std::to_string(cut.manifest.value)
             + " cutover=" + std::to_string(cut.cutover.value)
             + " upper=" + std::to_string(cut.upper.value) + "\r\n";
  for (const auto& warning : cut.warnings)
    out += "Millrace-Warning: rows may be missing: " + header_text(warning)
           + "\r\n";
  return out;
}

} // namespace

void http_door_state::act(response_done& what) {
  const auto found = running.find(what.from);
  if (found == running.end() || found->second.request != what.request)
    return; // Its client is gone.
  if (what.is_lost && gateway->ask_again(what.from))
    return;
  gateway->done(what.from);
  if (!what.incomplete.empty()) {
    ++incomplete;
    tell("incomplete", "an answer may lack rows: " + what.incomplete);
  }
  if (!core.has_room(what.what.body.size()))
    what.what = failed_response(no_room_for(what.what.body.size()));
  answer(what.from, what.what);
}

void http_door_state::perform(const give_up& what) {
  end_stream(what.from);
  publishing.erase(what.from);
  gateway->give_up(what.from);
  running.erase(what.from);
}

void http_door_state::perform(const take_up<http_request>& what) {
  running[what.from]
    = {what.request, what.what.user, what.what.keeps_alive, std::nullopt};
  if (settings.tls) {
    // One that was exchanged has other names, maybe.
    auto shown = settings.tls->now();
    if (shown != site_shown)
      site.names = shown->names();
    site_shown = std::move(shown);
  }
  auto made = wish_of(what.what, site);
  std::visit([&](auto& each) { undertake(what.from, each); }, made);
}

void http_door_state::undertake(connection_id from,
                                const known_response& what) {
  answer(from, what);
}

void http_door_state::undertake(connection_id from, query_wish& what) {
  const auto request = running.at(from).request;
  const auto began_ns = env->clock->monotonic_ns();
  const auto form = std::make_shared<const query_wish>(std::move(what));
  ask_gateway(
    from, running.at(from).user,
    {.parameters = form->parameters,
     .deadline_ns = began_ns + settings.query_timeout_ns,
     .write =
       [to = inbox, from, request, form, began_ns,
        clock = env->clock](const chunks& rows, const query_cut& cut) {
         auto made = form->exec ? exec_answer(rows, *form->exec,
                                              clock->monotonic_ns() - began_ns)
                                : answer_of(rows, form->format);
         if (made.status < 400)
           made.headers += headers_of(cut);
         to->put(response_done{from, request, std::move(made), false,
                               cut.warnings.empty() ? std::string{}
                                                    : cut.warnings.front()});
       },
     .fail =
       [to = inbox, from, request, form](const error& why) {
         to->put(response_done{from, request,
                               form->exec ? exec_failure(why, *form->exec)
                                          : failed_response(why),
                               why.code == errc::closed});
       }});
}

void http_door_state::undertake(connection_id from, const status_wish& what) {
  const auto user = running.at(from).user;
  const auto* grants = grants_of(user);
  const bool may_see = grants == nullptr || grants->admin;
  audit(from, user, "see", what.as_metrics ? "metrics" : "status", may_see);
  if (!may_see)
    return answer(
      from, failed_response({errc::permission, "this is for users with admin = "
                                               "true in the configuration"}));
  running.at(from).status = what;
  if (silent == 0)
    gather();
}

void http_door_state::undertake(connection_id from, const readiness_wish&) {
  if (gateway->gateway().empty())
    return answer(from, {503, "text/plain", "no gateway answers\n", {}});
  answer(from, {200, "text/plain", "ready\n", {}});
}

void http_door_state::answer(connection_id to, const known_response& what) {
  const auto found = running.extract(to);
  if (!found)
    return;
  const auto& asked = found.mapped();
  perform(core.answered(to, asked.request,
                        response(what.status, what.type, what.body,
                                 asked.keeps_alive, what.headers),
                        what.status >= 400, env->clock->monotonic_ns()));
}

/// Asks all nodes once, for all who wait.
void http_door_state::gather() {
  said.clear();
  silent = settings.nodes.size();
  for (const auto& [node, at] : settings.nodes)
    connect_to<front_door_actor>(
      self, connector, at,
      [this, node = node](const front_door_actor& door) {
        self->request(door, caf::timespan{status_patience}, status_atom_v)
          .then(
            [this, node](const status_facts& facts) { gathered(node, &facts); },
            [this, node](const caf::error&) { gathered(node, nullptr); });
      },
      [this, node = node](const error&) { gathered(node, nullptr); });
}

void http_door_state::gathered(const std::string& node,
                               const status_facts* facts) {
  said[node] = {
    {"name", node},
    {"answers", facts != nullptr},
    {"processes", facts ? facts->at("processes") : text::json_value::object()}};
  for (const auto* of_node : {"usage", "port"})
    if (facts != nullptr && facts->find(of_node))
      said[node].add(of_node, facts->at(of_node));
  if (--silent != 0)
    return;
  text::json_value all{{"cluster", settings.cluster},
                       {"nodes", text::json_value::array()}};
  for (auto& each : std::exchange(said, {}))
    all["nodes"].add(std::move(each.second));
  std::vector<std::pair<connection_id, bool>> waiting;
  for (const auto& [from, request] : running)
    if (request.status)
      waiting.emplace_back(from, request.status->as_metrics);
  for (const auto& [from, as_metrics] : waiting)
    if (as_metrics)
      answer(from, {200,
                    "text/plain; version=0.0.4; charset=utf-8",
                    metrics_text(all),
                    {}});
    else
      answer(from, {200, "application/json", all.dump(2) + "\n", {}});
}

const table_schema* http_door_state::schema_of(const std::string& table) const {
  const auto found = settings.tables.find(table);
  return found == settings.tables.end() ? nullptr : &found->second.schema;
}

void http_door_state::add(const table_news& what) {
  settings.tables.emplace(what.schema.name,
                          http_table{what.schema, what.stream, what.stamps});
}

void http_door_state::tick() {
  door_state::tick();
  tick_streams(env->clock->monotonic_ns());
  publish_all();
}

status_facts http_door_state::status() const {
  auto out = status_as("http");
  out.add("batches_refused", refused_batches);
  out.add("incomplete", incomplete);
  out.add("rows_published", rows_published);
  out.add("publishing", publishing.size());
  out.add("streams", streaming.size());
  out.add("pushed", pushed);
  out.add("cut_off", times_cut);
  return out;
}

http_door_actor::behavior_type
http_door(http_door_actor::stateful_pointer<http_door_state> self,
          persistence::env* world, http_door_settings settings,
          std::shared_ptr<std::unique_ptr<listener>> open,
          connector_actor connector, registrar_actor registry) {
  self->state.connector = connector;
  self->state.site.address = settings.address;
  self->state.site.is_secure = settings.tls != nullptr;
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

} // namespace millrace::nodes::http
