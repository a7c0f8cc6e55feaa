#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>
#include <millrace/nodes/assembly/process_keeper.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace millrace::sim {

using namespace std::chrono_literals;

result<status_facts> world::facts_of(const caf::strong_actor_ptr& actor) {
  auto answer = ask<status_facts>(caf::actor_cast<status_actor>(actor), 5s,
                                  status_atom_v);
  if (!answer)
    return answer.failure();
  return std::get<0>(*std::move(answer));
}

text::json_value hosted_process::status() const {
  const auto handle = in_->find(name_, name_);
  if (!handle)
    return {};
  auto facts = in_->facts_of(handle);
  return facts ? *std::move(facts) : text::json_value{};
}

text::json_value hosted_process::status(std::string_view key) const {
  return status().at(key);
}

// -- a cluster from a file ----------------------------------------------------

namespace {

/// Nodes whose processes share an hdb directory share a machine.
std::map<std::string, std::string>
machines_of(const nodes::cluster_config& config) {
  std::map<std::string, std::string> out;
  std::map<std::string, std::string> by_directory;
  for (const auto& node : config.nodes) {
    std::string machine = node.name;
    for (const auto& name : node.processes)
      if (const auto& directory = config.process(name)->hdb_directory;
          !directory.empty())
        machine = by_directory.emplace(directory, machine).first->second;
    out[node.name] = machine;
  }
  return out;
}

/// Copies a file of the host to a simulated disk. One that is not there is the
/// matter of the process that wants it.
error copy_in(const std::string& path, memory_file_system& disk) {
  auto& real = persistence::posix_file_system();
  if (disk.exists(path) || !real.exists(path))
    return {};
  auto bytes = persistence::read_file(real, path);
  if (!bytes)
    return bytes.failure();
  if (auto fault = disk.create_directories(path.substr(0, path.rfind('/'))))
    return fault;
  return persistence::replace_file(disk, path, *bytes);
}

/// Why a process of the file could not be started; empty: all can.
std::string type_without_role(const nodes::cluster_config& config,
                              const nodes::role_table& roles) {
  for (const auto& each : config.processes) {
    if (each.node.empty() || roles.find(each.type) != nullptr)
      continue;
    std::string out = config.path + ": process '" + each.name + "' is of type '"
                      + each.type + "', which ";
    out += each.libraries.empty() ? "is not one of Millrace"
                                  : "'" + each.libraries.front()
                                      + "' registers, and a world loads no "
                                        "library";
    return out + ": add its factory to 'cluster_options.roles'";
  }
  return {};
}

/// The same factory, whose exceptions are failures that have its words, as a
/// real node says them before it ends.
nodes::process_factory without_exceptions(nodes::process_factory factory) {
  return
    [factory = std::move(factory)](
      nodes::process_host& host,
      const nodes::process_config& process) -> result<nodes::hosted_process> {
      if (!factory)
        return error{errc::internal, "process '" + process.name
                                       + "': its factory is an empty function"};
      // An end at a crash point is none of these.
      try {
        return factory(host, process);
      } catch (const std::exception& thrown) {
        return error{errc::internal,
                     "process '" + process.name
                       + "': its factory threw: " + thrown.what()};
      }
    };
}

/// A node that hosts what its configuration gives to it, as a real one does.
node::boot_function assembled(nodes::role_table roles) {
  for (const auto& type : roles.types())
    roles.add(type, without_exceptions(*roles.find(type)));
  return [roles = std::move(roles)](node& me) {
    auto processes
      = std::make_shared<nodes::node_assembly>(me, me.name(), roles);
    // It holds the processes while it lives.
    (void)processes->open_door();
    return processes->start_all();
  };
}

} // namespace

void world::add_cluster(const nodes::cluster_config& cluster,
                        const cluster_options& options) {
  own_points_.insert(options.crash_points.begin(), options.crash_points.end());
  for (const auto& each : cluster.nodes) {
    const auto machine = options.machines.find(each.name);
    add_node(each.name, assembled(options.roles),
             {.supervised = options.supervised,
              .host = machine == options.machines.end() ? cluster.name
                                                        : machine->second,
              .config = cluster});
  }
}

void world::add_cluster(const std::string& path, cluster_options options) {
  auto config
    = nodes::load_configuration(persistence::posix_file_system(), path);
  if (!config)
    return fail(to_string(config.failure()));
  boot_cluster(*std::move(config), std::move(options));
}

void world::add_cluster_text(std::string_view toml, cluster_options options) {
  auto config = nodes::parse_configuration(toml, "/cluster.toml");
  if (!config)
    return fail(to_string(config.failure()));
  boot_cluster(*std::move(config), std::move(options));
}

void world::boot_cluster(nodes::cluster_config config,
                         cluster_options options) {
  if (cluster_)
    return fail("add_cluster: the world has a cluster already, of "
                + cluster_->path);
  if (const auto unknown = type_without_role(config, options.roles);
      !unknown.empty())
    return fail(unknown);
  options.machines.merge(machines_of(config));
  for (const auto& process : config.processes) {
    if (process.node.empty() || process.type != nodes::process_type::feed)
      continue;
    auto& disk = disk_of(options.machines.at(process.node));
    auto wanted = process.files;
    for (const auto& [name, path] : config.layouts)
      wanted.push_back(path);
    for (const auto& path : wanted)
      if (auto fault = copy_in(path, disk))
        return fail(to_string(fault));
  }
  cluster_ = std::move(config);
  add_cluster(*cluster_, options);
  const auto down = [this] {
    return std::find_if(
      cluster_->nodes.begin(), cluster_->nodes.end(), [this](const auto& each) {
        return !at(each.name).alive() || at(each.name).boot_failure();
      });
  };
  if (!eventually(10s, [&] { return down() == cluster_->nodes.end(); }))
    fail("node '" + down()->name
         + "' does not come up: " + to_string(at(down()->name).boot_failure()));
}

// -- what joins it ------------------------------------------------------------

bool world::has_cluster(const std::string& call) {
  if (!cluster_)
    fail(call + ": there is no cluster: 'add_cluster' comes before it");
  return cluster_.has_value();
}

bool world::has_table(const std::string& call, const std::string& table) {
  if (!has_cluster(call))
    return false;
  const bool known = cluster_->table(table) != nullptr;
  if (!known)
    fail(call + ": " + cluster_->path + ": no [[table]] is named '" + table
         + "'");
  return known;
}

bool world::is_free(const std::string& call, const std::string& name) {
  const bool taken = has_node(name);
  if (taken)
    fail(call + ": there is a node '" + name + "' already");
  return !taken;
}

/// A name of the file is taken, too, unless it is of a process without a node.
bool world::may_join(const std::string& call, const std::string& name) {
  if (!is_free(call, name))
    return false;
  const auto* process = cluster_->process(name);
  const bool taken = process != nullptr && !process->node.empty();
  if (taken)
    fail(call + ": " + cluster_->path + ": there is a process '" + name
         + "' already");
  return !taken;
}

node& world::join(const std::string& name, nodes::process_factory program,
                  std::map<std::string, std::string> settings) {
  auto config = *cluster_;
  auto found = std::find_if(
    config.processes.begin(), config.processes.end(),
    [&](const auto& each) { return each.name == name && each.node.empty(); });
  if (found == config.processes.end()) {
    found = config.processes.emplace(found);
    found->name = name;
    found->type = name;
  }
  auto& process = *found;
  process.node = name;
  process.settings.merge(settings);
  config.nodes.push_back({.name = name,
                          .port = static_cast<uint16_t>(60'000 + nodes_.size()),
                          .processes = {name}});
  nodes::role_table roles;
  roles.add(process.type, std::move(program));
  return add_node(name, assembled(std::move(roles)),
                  {.supervised = 1s, .config = std::move(config)});
}

table_publisher& world::add_publisher(const std::string& name,
                                      const std::string& table) {
  const auto call = "add_publisher '" + name + "'";
  if (!has_table(call, table) || !may_join(call, name)) {
    outsiders_.push_back(std::make_unique<table_publisher>(*this, name));
    return *outsiders_.back();
  }
  const auto* known = cluster_->table(table);
  const auto& stream = *cluster_->stream(known->stream);
  publishers_.push_back(std::make_unique<table_publisher>(
    *this, name, known->schema, stream.name,
    stream.mode == nodes::stream_mode::cached));
  auto& made = *publishers_.back();
  if (auto fault = join(name, made.program(), {}).boot_failure())
    fail("publisher '" + name + "' does not come up: " + to_string(fault));
  return made;
}

hosted_process& world::host(const std::string& name,
                            nodes::process_factory program,
                            std::map<std::string, std::string> settings) {
  const auto call = "host '" + name + "'";
  if (has_cluster(call) && may_join(call, name)) {
    auto& where = join(name, std::move(program), std::move(settings));
    if (where.boot_failure())
      fail("process '" + name
           + "' does not come up: " + to_string(where.boot_failure()));
  }
  hosted_.push_back(std::make_unique<hosted_process>(*this, name));
  return *hosted_.back();
}

std::map<std::string, std::string>
world::add_table(const std::string& toml,
                 const std::vector<std::string>& rdbs) {
  if (!has_cluster("add_table"))
    return {};
  const nodes::table_declaration what{toml, "table.toml", rdbs};
  auto made = nodes::declare_table(*cluster_, what);
  if (!made) {
    fail(to_string(made.failure()));
    return {};
  }
  note({}, "table " + made->name + " is added");
  cluster_ = std::move(made->config);
  const auto tell = [&](const std::string& where, const std::string& process) {
    const auto keeper = find(where, std::string{nodes::process_keeper_name});
    if (!keeper)
      return std::string{"down"};
    const auto said = ask<table_intake>(
      caf::actor_cast<nodes::process_keeper_actor>(keeper), 60s,
      take_table_atom_v, process, nodes::to_json(what));
    return said ? to_string(std::get<0>(*said).outcome)
                : to_string(said.failure());
  };
  for (const auto& each : cluster_->nodes)
    if (tell(each.name, {}) == "down")
      at(each.name).set_config(*cluster_);
  std::map<std::string, std::string> out;
  for (const auto* process : nodes::in_turn(*cluster_))
    if (!process->node.empty())
      if (auto state = tell(process->node, process->name);
          state != "unconcerned")
        out[process->name] = std::move(state);
  return out;
}

void world::add_ledger(
  const std::string& table,
  std::function<std::vector<published_batch>()> published) {
  if (!has_table("add_ledger", table))
    return;
  if (!published)
    return fail("add_ledger: the ledger of '" + table
                + "' is an empty function");
  ledgers_.emplace(table, std::move(published));
}

void world::end_period(const std::string& stream, int64_t period) {
  if (!has_cluster("end_period"))
    return;
  if (cluster_->stream(stream) == nullptr)
    return fail("end_period: " + cluster_->path + ": no [[stream]] is named '"
                + stream + "'");
  note({}, "end of period " + std::to_string(period) + " of " + stream);
  error last{errc::not_found, "nobody orders it"};
  const bool ended = eventually(60s, [&] {
    for (const auto* member : cluster_->members_of(stream)) {
      const auto handle = find(member->node, stream_actor_name(stream));
      if (!handle)
        continue;
      const auto got = ask<position>(caf::actor_cast<sequencer_actor>(handle),
                                     10s, end_period_atom_v, period_id{period});
      if (got || got.failure().code == errc::already_exists)
        return true;
      last = got.failure();
    }
    return false;
  });
  if (!ended)
    fail("period " + std::to_string(period) + " of stream '" + stream
         + "' does not end for a minute: " + to_string(last));
}

} // namespace millrace::sim
