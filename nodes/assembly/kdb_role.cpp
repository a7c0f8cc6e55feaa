#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/servers/kdb/kdb_door.hpp>

#include <algorithm>
#include <unistd.h>

namespace millrace::nodes {

namespace {

std::string name_of_this_host() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

/// The longest that a gateway takes for a question.
int64_t query_timeout_of(const cluster_config& config) {
  int64_t out = 0;
  for (const auto& process : config.processes)
    if (process.type == process_type::gateway)
      out = std::max(out, process.query_timeout_ns);
  return out;
}

/// What a stream brings from now on, into the inbox of a door.
error follow(process_host& host, const std::string& stream,
             const std::shared_ptr<kdb::door_inbox>& into) {
  auto control = std::make_shared<rt::subscription>(stream);
  rt::subscription_handlers on;
  on.on_message = [control, stream, into](const rt::message& what, position) {
    if (into->is_closed())
      return control->unsubscribe(); // The door has ended.
    if (what.kind == payload_kind::table_batch
        && !into->offer({stream, chunk::copy_of(what.payload)}))
      control->refuse({errc::unavailable,
                       "what came before is not passed on to clients yet"});
  };
  on.on_flow = [stream, into](const lineage_id&, position) {
    into->put(kdb::stream_begun{stream});
  };
  on.on_period = [stream, into](period_id period, position) {
    into->put(kdb::period_ended{stream, period.value});
  };
  on.on_event = [stream, into](const stream_event& what) {
    into->put(kdb::stream_told{stream, rt::describe(what, stream)});
  };
  on.on_failure = [stream, into](const error& why) {
    into->put(kdb::stream_told{stream, to_string(why), true});
  };
  auto made
    = host.subscribe(stream, std::move(on),
                     {.start = {.kind = start_spec::end}, .control = control});
  return made ? error{} : made.failure();
}

/// Opens a publisher for each stream that clients may publish to.
error open_publishers(process_host& host, const process_config& process,
                      kdb::kdb_door_settings& into, hosted_process& parts) {
  for (const auto& stream : process.published) {
    auto made = host.publish(stream, {.name = process.name});
    if (!made)
      return made.failure();
    into.publishers[stream] = std::move(made->out);
    // They hold the publisher: a next life opens it anew.
    for (const auto& each : made->replicators)
      parts.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(each));
  }
  return {};
}

} // namespace

result<hosted_process> start_kdb(process_host& host,
                                 const process_config& process) {
  const auto& config = host.config();
  kdb::kdb_door_settings settings;
  settings.process = process.name;
  settings.address = config.address;
  settings.port = process.port;
  settings.host = name_of_this_host();
  settings.pid = ::getpid();
  for (const auto& table : config.tables) {
    settings.tables.emplace(table.schema.name, table.schema);
    settings.streams.emplace(table.schema.name, table.stream);
    if (table.stamp)
      settings.stamped.insert(table.schema.name);
  }
  settings.follow = [&host](const std::string& stream,
                            const std::shared_ptr<kdb::door_inbox>& into) {
    return follow(host, stream, into);
  };
  settings.gateways = endpoints_of(config, process_type::gateway);
  if (const auto longest = query_timeout_of(config); longest != 0)
    settings.query_timeout_ns = longest;
  settings.limits.bytes_max = process.memory_max_bytes;
  settings.on_warning = [&host, name = process.name](const std::string& id,
                                                     const std::string& text) {
    host.tell({notice::severity::warning, "kdb", name, id, text});
  };
  auto port = host.listen({.address = config.address,
                           .port = process.port,
                           .connections_max = process.connections_max});
  if (!port) {
    auto fault = port.failure();
    fault.context
      = config.path + ": process '" + process.name + "': " + fault.context;
    return fault;
  }
  hosted_process out;
  out.attributes.add("listens",
                     config.address + ":" + std::to_string(process.port));
  if (auto fault = open_publishers(host, process, settings, out))
    return fault;
  auto open = std::make_shared<std::unique_ptr<listener>>(*std::move(port));
  auto door = host.spawn(kdb::kdb_door, &host.env(), std::move(settings),
                         std::move(open), host.connector(), host.registrar());
  out.actor = caf::actor_cast<caf::strong_actor_ptr>(door);
  return out;
}

} // namespace millrace::nodes
