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
  for (const auto& table : config.tables)
    settings.tables.emplace(table.schema.name, table.schema);
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
  auto open = std::make_shared<std::unique_ptr<listener>>(*std::move(port));
  auto door = host.spawn(kdb::kdb_door, &host.env(), std::move(settings),
                         std::move(open), host.connector(), host.registrar());
  const text::json_value attributes{
    {"listens", config.address + ":" + std::to_string(process.port)}};
  return hosted_process{
    caf::actor_cast<caf::strong_actor_ptr>(door), attributes, {}};
}

} // namespace millrace::nodes
