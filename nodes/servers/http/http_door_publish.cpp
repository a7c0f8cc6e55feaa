#include <millrace/messages/data/header.hpp>
#include <millrace/nodes/servers/http/http_door.hpp>
#include <millrace/nodes/servers/http/publish_rows.hpp>

#include <caf/send.hpp>

#include <chrono>
#include <functional>
#include <utility>

namespace millrace::nodes::http {

namespace {

using namespace std::chrono_literals;

/// Of the nodes that are asked where a stream ends.
constexpr auto end_patience = std::chrono::seconds{3};
/// Origins of which is known what their last request held.
constexpr size_t remembered_max = 10'000;

const char* name_of(rt::ack_level level) {
  return level == rt::ack_level::recorded ? "recorded"
         : level == rt::ack_level::synced ? "synced"
                                          : "committed";
}

known_response published_response(const running_publish& what,
                                  std::optional<position> end) {
  text::json_value said{{"table", what.wish.table},
                        {"rows", what.is_duplicate ? 0 : what.rows.count},
                        {"level", name_of(what.wish.level)}};
  if (what.is_duplicate)
    said.add("duplicate", true);
  if (end)
    said.add("end", std::to_string(end->value));
  return {200, "application/json", said.dump() + "\n", {}};
}

/// What is in the log all the same when its level is not reached in time.
known_response late_response(const running_publish& what) {
  auto out = failed_response(
    {errc::timeout, std::to_string(what.rows.count)
                      + " rows are published, and not "
                      + name_of(what.wish.level)
                      + " yet: do not send them again, unless with the same "
                        "origin and id"});
  return out;
}

} // namespace

void http_door_state::undertake(connection_id from, publish_wish& what) {
  const auto found = settings.tables.find(what.table);
  const auto user = running.at(from).user;
  if (auto refusal
      = refusal_of_table(from, user, table_use::publish, what.table))
    return answer(from, failed_response(refusal));
  const auto& table = found->second;
  const auto out = settings.publishers.find(table.stream);
  if (out == settings.publishers.end())
    return answer(
      from, failed_response({errc::permission,
                             "clients do not publish to stream '" + table.stream
                               + "'; name it in 'publish' of process '"
                               + settings.process + "'"}));
  if (what.origin == out->second->options().origin)
    return answer(from, failed_response({errc::invalid_argument,
                                         "origin '" + what.origin
                                           + "' is the one of this process"}));
  const auto request = running.at(from).request;
  auto& made = publishing[from];
  made = {request, std::move(what), table.stream};
  made.deadline_ns = env->clock->monotonic_ns() + settings.query_timeout_ns;
  auto body = std::move(made.wish.lines);
  made.digest = std::hash<std::string>{}(body);
  // To read a large body takes a while, in which others are served.
  env->pool->submit([to = inbox, from, request, body = std::move(body),
                     schema = table.schema, stamps = table.stamps,
                     format = made.wish.format, now = env->clock->now_ns()] {
    to->put(rows_read{from, request,
                      rows_of_lines(body, schema, format, stamps, now)});
  });
}

void http_door_state::act(rows_read& what) {
  const auto found = publishing.find(what.from);
  if (found == publishing.end() || found->second.request != what.request)
    return; // Its client is gone, and nothing of it is published.
  if (!what.rows) {
    publishing.erase(found);
    return answer(what.from, failed_response(what.rows.failure()));
  }
  found->second.rows = *std::move(what.rows);
  found->second.is_read = true;
  publish(what.from);
}

/// Whether its origin had this id already. What it held then is known of the
/// last one only: an id that comes with other rows is refused.
result<bool> http_door_state::is_duplicate(const running_publish& what) const {
  if (what.wish.origin.empty())
    return false;
  const auto last
    = settings.publishers.at(what.stream)->last_id(what.wish.origin);
  if (last == 0 || what.wish.id > last)
    return false;
  const auto known = digests.find({what.stream, what.wish.origin});
  if (known != digests.end() && known->second.first == what.wish.id
      && known->second.second != what.digest)
    return error{errc::bad_id, "origin '" + what.wish.origin + "' sent id "
                                 + std::to_string(what.wish.id)
                                 + " with other rows before"};
  return true;
}

/// Into the publisher's log, as one message.
error http_door_state::put_rows(running_publish& what) {
  const auto again = is_duplicate(what);
  if (!again)
    return again.failure();
  what.is_duplicate = *again;
  if (what.is_duplicate || what.rows.batch.empty()) {
    what.end = settings.publishers.at(what.stream)->appended();
    return {};
  }
  message_header header;
  if (!what.wish.origin.empty()) {
    header.on = what.wish.origin;
    header.id = what.wish.id;
  }
  const auto end
    = put_batch(what.stream, settings.tables.at(what.wish.table).schema,
                what.rows.batch, header);
  if (!end)
    return end.failure();
  what.end = *end;
  what.rows.batch.clear();
  rows_published += what.rows.count;
  if (!what.wish.origin.empty()) {
    if (digests.size() >= remembered_max)
      digests.clear();
    digests[{what.stream, what.wish.origin}] = {what.wish.id, what.digest};
  }
  return {};
}

void http_door_state::publish(connection_id from) {
  const auto found = publishing.find(from);
  if (found == publishing.end() || !found->second.is_read)
    return;
  auto& what = found->second;
  const bool is_late = env->clock->monotonic_ns() >= what.deadline_ns;
  const auto fault = advance(what, what.stream, what.wish.level, is_late,
                             [&] { return put_rows(what); });
  if (!fault)
    return;
  const auto done = std::move(publishing.extract(found).mapped());
  if (fault->code == errc::timeout)
    return answer(from, late_response(done));
  if (*fault)
    return answer(from, failed_response(*fault));
  if (done.wish.level != rt::ack_level::committed)
    return answer(from, published_response(done, std::nullopt));
  tell_end(from, done);
}

/// Asks all nodes of the stream, and believes the first that leads, or has
/// asked the one that does: one that is behind knows an earlier end.
void http_door_state::tell_end(connection_id from, const running_publish& of) {
  struct asked_ends {
    size_t silent = 0;
    bool is_told = false;
  };
  const auto& nodes = settings.streams.at(of.stream);
  auto ends = std::make_shared<asked_ends>();
  ends->silent = nodes.size();
  const auto hear = [this, from, of, ends](std::optional<position> end) {
    --ends->silent;
    if (ends->is_told || (!end && ends->silent != 0))
      return;
    ends->is_told = true;
    const auto found = running.find(from);
    if (found != running.end() && found->second.request == of.request)
      answer(from, published_response(of, end));
  };
  for (const auto& at : nodes)
    connect_to<stream_server_actor>(
      self, connector, at,
      [this, hear](const stream_server_actor& stream) {
        self->request(stream, caf::timespan{end_patience}, leader_atom_v)
          .then(
            [hear](const stream_facts& facts) {
              hear(facts.leads ? std::optional{facts.end} : std::nullopt);
            },
            [hear](const caf::error&) { hear(std::nullopt); });
      },
      [hear](const error&) { hear(std::nullopt); });
}

} // namespace millrace::nodes::http
