#include <millrace/sim/world/cluster_plan.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

namespace millrace::sim {

cluster_plan::cluster_plan() {
  config.path = "plan";
  config.name = "plan";
  config.data_directory = "/data";
  config.log_path = "/pub";
  config.address = "127.0.0.1";
  config.streams.push_back({.name = "market"});
  config.tables.push_back({.schema = trade_table(), .stream = "market"});
}

nodes::process_config& cluster_plan::add(const std::string& name,
                                         std::string_view type,
                                         const std::string& machine) {
  const auto port = static_cast<uint16_t>(7000 + config.nodes.size());
  config.nodes.push_back({.name = name, .port = port, .processes = {name}});
  options.machines[name] = machine.empty() ? name : machine;
  auto& process = config.processes.emplace_back();
  process.name = name;
  process.type = type;
  process.node = name;
  return process;
}

void cluster_plan::add_program(const std::string& name,
                               nodes::process_factory program) {
  options.roles.add(name, std::move(program));
  add(name, name);
}

std::string stream_directory(const std::string& rt) {
  return cluster_plan{}.config.stream_directory(rt, "market");
}

node& simulated(nodes::process_host& host) { return dynamic_cast<node&>(host); }

} // namespace millrace::sim
