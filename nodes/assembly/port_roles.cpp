#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/load_queries.hpp>
#include <millrace/nodes/assembly/port_tls.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/nodes/servers/http/http_door.hpp>
#include <millrace/nodes/servers/kdb/kdb_door.hpp>
#include <millrace/nodes/servers/port/tls_listener.hpp>
#include <millrace/nodes/servers/postgres/postgres_door.hpp>
#include <millrace/nodes/users/port_access.hpp>

#include <algorithm>
#include <set>
#include <unistd.h>

namespace millrace::nodes {

namespace {

std::string name_of_this_host() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::function<void(const std::string&, const std::string&)>
warnings_of_port(process_host& host, const process_config& process) {
  return [&host, type = process.type,
          name = process.name](const std::string& id, const std::string& text) {
    host.tell({notice::severity::warning, type, name, id, text});
  };
}

/// RDBs of the table's stream that have rows of it, by name.
std::set<std::string> holders_of(const cluster_config& config,
                                 const table_config& table) {
  std::set<std::string> out;
  for (const auto& process : config.processes)
    if (process.type == process_type::rdb
        && config.stream_of(process) == table.stream
        && process.holds(table.schema.name))
      out.insert(process.name);
  return out;
}

/// As an actor takes it.
using open_listener = std::shared_ptr<std::unique_ptr<listener>>;

/// @param tls null: what is said there is in the clear
result<open_listener> open_port(process_host& host,
                                const process_config& process,
                                std::shared_ptr<renewable<tls_identity>> tls) {
  auto port = host.listen(
    {.address = host.config().address_of(process),
     .port = process.port,
     .connections_max = process.connections_max + spare_connections,
     .admits_all = process.asks_login});
  if (!port) {
    auto fault = port.failure();
    fault.context = host.config().path + ": process '" + process.name
                    + "': " + fault.context;
    return fault;
  }
  auto out = *std::move(port);
  // A client of PostgreSQL asks for TLS by a message of its protocol.
  if (tls)
    out = make_tls_listener(std::move(out), std::move(tls),
                            process.type == process_type::postgres
                              ? tls_start::when_asked
                              : tls_start::at_once);
  return std::make_shared<std::unique_ptr<listener>>(std::move(out));
}

/// What the port proves itself by, read again when its files are others; null:
/// nothing.
result<std::shared_ptr<renewable<tls_identity>>>
tls_of(process_host& host, const process_config& process) {
  auto& world = host.env();
  // Before they are read: a change meanwhile is one.
  file_watch watch{
    {process.tls_certificate, process.tls_key},
    [clock = world.clock] { return clock->now_ns() + epoch_2000_ns; }};
  auto read = [&host, process] {
    std::vector<std::string> warnings;
    auto out = load_port_tls(*host.env().fs, *host.env().clock, host.config(),
                             process, warnings);
    for (const auto& each : warnings)
      warnings_of_port(host, process)("certificate", each);
    return out;
  };
  auto first = read();
  if (!first)
    return first.failure();
  if (!*first)
    return std::shared_ptr<renewable<tls_identity>>{};
  auto tell = [&host, process](const tls_identity& used, const error& fault) {
    const auto now_s
      = (host.env().clock->now_ns() + epoch_2000_ns) / 1'000'000'000;
    const auto level = fault ? notice::severity::error : notice::severity::info;
    host.tell({level, process.type, process.name, "certificate",
               renewal_text(used.days_left(now_s), fault)});
  };
  return std::make_shared<renewable<tls_identity>>(
    *std::move(first), std::move(watch), std::move(read), std::move(tell));
}

/// Who may log in; null: clients are the cluster's own.
result<std::shared_ptr<const port_access>>
access_of(process_host& host, const process_config& process) {
  if (!process.asks_login)
    return std::shared_ptr<const port_access>{};
  const auto& config = host.config();
  std::map<std::string, user_grants> users;
  for (const auto& each : config.logins)
    users.emplace(each.name, each.grants);
  auto load = [fs = host.env().fs, path = config.passwords_path] {
    return load_secrets(*fs, path);
  };
  // What is wrong with it is told before anybody waits for a login.
  if (const auto secrets = load(); !secrets)
    return secrets.failure();
  auto judge = login_judge::make(std::move(load), std::move(users));
  if (!judge)
    return judge.failure();
  return std::make_shared<const port_access>(port_access{
    *std::move(judge),
    [&host, type = process.type, name = process.name](const std::string& text) {
      host.tell({notice::severity::info, type, name, "audit", text});
    }});
}

/// What every port has of its process and its cluster.
template <class Settings>
void set_port(Settings& into, process_host& host,
              const process_config& process) {
  const auto& config = host.config();
  into.address = config.address_of(process);
  into.port = process.port;
  into.gateways = endpoints_of(config, process_type::gateway);
  if (const auto longest = config.query_timeout_ns(); longest != 0)
    into.query_timeout_ns = longest;
  into.limits.bytes_max = process.memory_max_bytes;
  into.limits.connections_max = process.connections_max;
  into.limits.idle_ns = process.idle_max_ns;
  into.on_warning = warnings_of_port(host, process);
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
        && !into->offer(kdb::stream_rows{stream, chunk::copy_of(what.payload)},
                        what.payload.size(), kdb::row_bytes_max))
      control->refuse({errc::unavailable,
                       "what came before is not passed on to clients yet"});
  };
  on.on_flow = [stream, into](const lineage_id&, position) {
    into->put(kdb::stream_begun{stream});
  };
  on.on_period = [stream, into](period_id period, position) {
    into->put(kdb::period_ended{stream, period});
  };
  on.on_event = [stream, into](const stream_event& what) {
    if (what.kind != event_kind::schema)
      into->put(kdb::stream_told{stream, rt::describe(what, stream)});
  };
  on.on_failure = [stream, into](const error& why) {
    into->put(kdb::stream_told{stream, to_string(why), true});
  };
  auto made = host.subscribe(
    stream, std::move(on),
    {.start = start_spec{.kind = start_spec::end}, .control = control});
  return made ? error{} : made.failure();
}

/// Opens a publisher for each stream that clients may publish to.
error open_publishers(
  process_host& host, const process_config& process,
  std::map<std::string, std::shared_ptr<rt::publisher>>& into,
  hosted_process& parts) {
  for (const auto& stream : process.published) {
    auto made = host.publish(stream, {.name = process.name});
    if (!made)
      return made.failure();
    into[stream] = std::move(made->out);
    // They hold the publisher: a next life opens it anew.
    for (const auto& each : made->replicators)
      parts.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(each));
  }
  return {};
}

/// The process of a port: opens it, and what its clients publish to, and starts
/// its door.
template <class Door, class Settings>
result<hosted_process> start_port(process_host& host,
                                  const process_config& process, Door door,
                                  Settings settings) {
  auto access = access_of(host, process);
  if (!access)
    return access.failure();
  settings.access = *std::move(access);
  auto tls = tls_of(host, process);
  if (!tls)
    return tls.failure();
  settings.tls = *std::move(tls);
  if constexpr (requires { settings.limits.session.tls_end_point; })
    if (settings.tls)
      settings.limits.session.tls_end_point = settings.tls->now()->end_point();
  auto port = open_port(host, process, settings.tls);
  if (!port)
    return port.failure();
  hosted_process out;
  out.attributes = port_attributes(host.config(), process);
  if constexpr (requires { settings.publishers; })
    if (auto fault = open_publishers(host, process, settings.publishers, out))
      return fault;
  auto actor = host.spawn(door, &host.env(), std::move(settings),
                          *std::move(port), host.connector(), host.registrar());
  out.actor = caf::actor_cast<caf::strong_actor_ptr>(actor);
  return out;
}

/// The same with the tables that a user may ask about.
std::shared_ptr<const postgres::served_cluster>
served_to(const postgres::served_cluster& all, const cluster_config& config,
          const std::string& user) {
  auto out = std::make_shared<postgres::served_cluster>(all);
  const auto who
    = std::find_if(config.logins.begin(), config.logins.end(),
                   [&](const auto& each) { return each.name == user; });
  std::erase_if(out->tables, [&](const auto& table) {
    return who == config.logins.end()
           || !who->grants.may(table_use::query, table.first);
  });
  return out;
}

} // namespace

namespace {

/// Where the first port for HTTP is, for browsers that come to another one;
/// empty: there is none. Where it is open at all addresses they keep theirs.
std::string place_of_http(const cluster_config& config) {
  for (const auto& each : config.processes)
    if (each.type == process_type::http) {
      const auto address = config.address_of(each);
      const bool is_any = address == "0.0.0.0" || address == "::";
      const bool is_v6 = address.find(':') != address.npos;
      return std::string{each.tls_certificate.empty() ? "http://" : "https://"}
             + (is_any  ? std::string{}
                : is_v6 ? "[" + address + "]"
                        : address)
             + ":" + std::to_string(each.port);
    }
  return {};
}

} // namespace

result<hosted_process> start_kdb(process_host& host,
                                 const process_config& process) {
  const auto& config = host.config();
  kdb::kdb_door_settings settings;
  set_port(settings, host, process);
  settings.limits.session.asks_login = process.asks_login;
  settings.limits.session.http_place = place_of_http(config);
  settings.process = process.name;
  settings.host = name_of_this_host();
  settings.pid = ::getpid();
  auto queries = load_queries(*host.env().fs, config);
  if (!queries)
    return queries.failure();
  settings.queries = *std::move(queries);
  for (const auto& table : config.tables) {
    settings.tables.emplace(table.schema.name, table.schema);
    settings.streams.emplace(table.schema.name, table.stream);
    if (table.stamp)
      settings.stamped.insert(table.schema.name);
    settings.holders[table.schema.name] = holders_of(config, table);
  }
  settings.follow = [&host](const std::string& stream,
                            const std::shared_ptr<kdb::door_inbox>& into) {
    return follow(host, stream, into);
  };
  return start_port(host, process, kdb::kdb_door, std::move(settings));
}

result<hosted_process> start_http(process_host& host,
                                  const process_config& process) {
  const auto& config = host.config();
  http::http_door_settings settings;
  set_port(settings, host, process);
  settings.limits.session.asks_login = process.asks_login;
  settings.process = process.name;
  settings.cluster = config.name;
  for (const auto& node : config.nodes)
    settings.nodes[node.name] = {config.address_of(node), node.port,
                                 std::string{front_door_name}, config.name};
  for (const auto& stream : config.streams) {
    auto nodes = endpoints_of_stream(config, stream.name);
    if (!nodes)
      return nodes.failure();
    settings.streams[stream.name] = *std::move(nodes);
  }
  for (const auto& table : config.tables) {
    settings.tables.emplace(
      table.schema.name,
      http::http_table{table.schema, table.stream, table.stamp});
    settings.holders[table.schema.name] = holders_of(config, table);
  }
  // What waits for a client of a stream is bounded by its door.
  settings.limits.push_bytes = process.memory_max_bytes;
  settings.limits.patience_ns = 10'000'000'000;
  if (process.idle_max_ns == 0)
    settings.limits.idle_ns = 60'000'000'000;
  return start_port(host, process, http::http_door, std::move(settings));
}

result<hosted_process> start_postgres(process_host& host,
                                      const process_config& process) {
  const auto& config = host.config();
  postgres::postgres_door_settings settings;
  set_port(settings, host, process);
  auto served = std::make_shared<postgres::served_cluster>();
  served->name = config.name;
  served->now = [clock = host.env().clock] { return clock->now_ns(); };
  for (const auto& table : config.tables)
    served->tables.emplace(table.schema.name, table.schema);
  auto queries = load_queries(*host.env().fs, config);
  if (!queries)
    return queries.failure();
  served->queries = *std::move(queries);
  settings.tables = served->tables;
  if (process.asks_login)
    settings.limits.session.served_to
      = [served, &config](const std::string& user) {
          return served_to(*served, config, user);
        };
  settings.limits.session.served = served;
  settings.served = std::move(served);
  return start_port(host, process, postgres::postgres_door,
                    std::move(settings));
}

} // namespace millrace::nodes
