#include <millrace/nodes/servers/kdb/kdb_door.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::nodes::kdb {

// -- what streams bring -------------------------------------------------------

void kdb_door_state::act(const stream_begun& what) {
  followed[what.stream] = true;
  for (const auto& [who, waiting] : std::exchange(subscribing, {}))
    if (follows(waiting.what))
      subscribe(who, waiting.request, waiting.what);
    else
      subscribing.emplace(who, waiting);
}

void kdb_door_state::act(const stream_rows& what) {
  const auto batch = decode_batch(what.batch.bytes());
  if (!batch)
    return tell("not_pushed", what.stream + ": " + to_string(batch.failure()));
  const auto table = settings.tables.find(std::string{batch->table});
  if (table == settings.tables.end())
    return;
  // As it is for all that want the whole of it, by capability.
  std::map<char, std::string> whole;
  const auto now = env->clock->monotonic_ns();
  for (const auto& [who, wanted] :
       subscriptions::subscribers{subscribed.of(table->first)}) {
    const auto* client = core.find(who);
    if (client == nullptr)
      continue;
    std::string message;
    if (!wanted)
      message = whole[client->capability()];
    if (message.empty()) {
      auto made
        = update_message(*batch, table->second, wanted, client->capability());
      if (!made)
        return tell("not_pushed", to_string(made.failure()));
      message = *std::move(made);
      if (!wanted)
        whole[client->capability()] = message;
    }
    if (message.empty())
      continue;
    ++pushed;
    perform(core.push(who, std::move(message), now));
  }
}

void kdb_door_state::act(const period_ended& what) {
  for (const auto who : subscribers_of(what.stream))
    perform(
      core.push(who, end_message(what.period), env->clock->monotonic_ns()));
}

/// Who would hear nothing any more, and not know it, is ended.
void kdb_door_state::act(const stream_told& what) {
  tell("stream", what.stream + ": " + what.text);
  if (!what.is_over)
    return;
  followed.erase(what.stream);
  for (const auto who : subscribers_of(what.stream))
    perform(core.end(who, "stream '" + what.stream
                            + "' is not followed any more: " + what.text));
}

std::set<connection_id>
kdb_door_state::subscribers_of(const std::string& wanted) const {
  std::set<connection_id> out;
  for (const auto& [table, stream] : settings.streams)
    if (stream == wanted)
      for (const auto& each : subscribed.of(table))
        out.insert(each.first);
  return out;
}

// -- what clients want of them ------------------------------------------------

/// Whether all of its streams have begun; those that are not followed are from
/// now on.
bool kdb_door_state::follows(const subscribe_request& wish) {
  bool all = true;
  for (const auto& table : wish.tables) {
    const auto& stream = settings.streams.at(table);
    const auto [at, fresh] = followed.try_emplace(stream, false);
    if (fresh)
      if (const auto fault = settings.follow(stream, inbox)) {
        followed.erase(at);
        tell("stream", stream + ": " + to_string(fault));
        all = false;
        continue;
      }
    all = all && at->second;
  }
  return all;
}

/// What is published after the answer is pushed, so the streams come first.
void kdb_door_state::undertake(const take_up<value>& of,
                               subscribe_request& wish) {
  const auto* client = core.find(of.from);
  const auto user = client ? client->user() : std::string{};
  for (const auto& table : wish.tables)
    if (!wish.ends)
      audit(of.from, user, "subscribe", table, true);
  if (wish.ends) {
    for (const auto& table : wish.tables)
      subscribed.remove(of.from, table);
    core.keep(of.from, subscribed.has(of.from));
    return answer(of.from, of.request, generic_null());
  }
  if (follows(wish))
    return subscribe(of.from, of.request, wish);
  subscribing[of.from]
    = {of.request, std::move(wish),
       env->clock->monotonic_ns() + settings.query_timeout_ns};
}

void kdb_door_state::subscribe(connection_id who, uint64_t request,
                               const subscribe_request& wish) {
  if (const auto* client = core.find(who); client && !client->is_text())
    for (const auto& table : wish.tables)
      subscribed.add(who, table, wish.symbols);
  core.keep(who, subscribed.has(who));
  answer(who, request, subscribed_answer(wish, settings.tables));
}

// -- what they give -----------------------------------------------------------

void kdb_door_state::undertake(const take_up<value>& of,
                               publish_request& rows) {
  const auto& stream = settings.streams.at(rows.table);
  if (!settings.publishers.contains(stream))
    return answer(of.from, of.request,
                  error{errc::permission,
                        "access: clients do not publish to stream '" + stream
                          + "'; name it in 'publish' of process '"
                          + settings.process + "'"});
  const auto* client = core.find(of.from);
  audit(of.from, client ? client->user() : std::string{}, "publish", rows.table,
        true);
  if (rows.batch.empty())
    return answer(of.from, of.request, generic_null());
  publishing[of.from]
    = {of.request, std::move(rows), of.wants_answer,
       env->clock->monotonic_ns() + settings.query_timeout_ns, std::nullopt};
  publish(of.from);
}

/// Into the publisher's log, once.
error kdb_door_state::put_rows(running_publish& what) {
  const auto& table = what.what.table;
  const auto end = put_batch(settings.streams.at(table),
                             settings.tables.at(table), what.what.batch);
  if (!end)
    return end.failure();
  what.end = *end;
  what.what.batch.clear();
  return {};
}

void kdb_door_state::publish(connection_id from) {
  const auto found = publishing.find(from);
  if (found == publishing.end())
    return;
  auto& what = found->second;
  const bool is_late
    = what.wants_answer && env->clock->monotonic_ns() >= what.deadline_ns;
  auto level = std::optional{rt::ack_level::synced};
  if (!what.wants_answer)
    level.reset();
  auto fault = advance(what, settings.streams.at(what.what.table), level,
                       is_late, [&] { return put_rows(what); });
  if (!fault)
    return;
  if (fault->code == errc::timeout)
    fault->context = "the rows are published, and not synced yet";
  const auto request = what.request;
  publishing.erase(found);
  answer(from, request,
         *fault ? result<value>{as_in_q(*fault)} : generic_null());
}

void kdb_door_state::tick_streams(int64_t now_ns) {
  publish_all();
  for (const auto& [who, waiting] : std::exchange(subscribing, {}))
    if (follows(waiting.what))
      subscribe(who, waiting.request, waiting.what);
    else if (now_ns >= waiting.deadline_ns)
      answer(who, waiting.request,
             error{errc::timeout, "stop: the stream is not there"});
    else
      subscribing.emplace(who, waiting);
}

} // namespace millrace::nodes::kdb
