#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/cluster_tls.hpp>
#include <millrace/nodes/assembly/load_queries.hpp>
#include <millrace/nodes/assembly/needed_files.hpp>
#include <millrace/nodes/assembly/port_tls.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/cluster/start_check.hpp>
#include <millrace/nodes/host/data_owner.hpp>
#include <millrace/nodes/host/local_ports.hpp>
#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/nodes/node/load_libraries.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

/// Those that these nodes start.
std::vector<std::string> processes_of(const cluster_config& config,
                                      const std::vector<std::string>& nodes) {
  std::vector<std::string> out;
  for (const auto& process : config.processes)
    if (std::find(nodes.begin(), nodes.end(), process.node) != nodes.end())
      out.push_back(process.name);
  return out;
}

/// Ports at which one day somebody else may be first.
void warn_of_ports(const cluster_config& config,
                   const std::vector<std::string>& nodes,
                   const std::vector<std::string>& processes,
                   std::vector<std::string>& warnings) {
  const auto look = [&](const std::string& name, uint16_t port) {
    if (port != 0 && is_given_to_connections(port))
      warnings.push_back(config.path + ": " + name + ": port "
                         + std::to_string(port)
                         + " may be taken when it starts: " + port_advice);
  };
  for (const auto& node : config.nodes)
    if (std::find(nodes.begin(), nodes.end(), node.name) != nodes.end())
      look(node.name, node.port);
  for (const auto& each : processes)
    look(each, config.process(each)->port);
}

} // namespace

result<cluster_config> load_cluster_to_start(const std::string& path) {
  auto config = load_cluster(path);
  const auto found = configuration_path(path);
  if (config || !found || found->ends_with(".csv"))
    return config;
  auto& fs = persistence::posix_file_system();
  constexpr uint64_t file_bytes_max = 16u << 20;
  const auto text = persistence::read_text_file(fs, *found, file_bytes_max);
  if (!text)
    return config;
  cluster_config understood;
  // Its faults are those that were found.
  if (const auto again = parse_configuration(*text, *found, understood); again)
    return config;
  std::vector<std::string> feeds;
  for (const auto& process : understood.processes)
    if (process.type == process_type::feed && !process.layout.empty())
      feeds.push_back(process.name);
  std::vector<std::string> warnings;
  auto out = config.failure();
  if (const auto more = check_needed_files(fs, understood, feeds, warnings))
    text::add_to_list(out.context, more.context, "\n");
  return out;
}

error check_start(const cluster_config& config,
                  const std::vector<std::string>& nodes,
                  library_check libraries, std::vector<std::string>& warnings) {
  error out;
  const auto add = [&out](const error& fault) {
    if (!fault)
      return;
    if (!out)
      out.code = fault.code;
    text::add_to_list(out.context, fault.context, "\n");
  };
  auto& fs = persistence::posix_file_system();
  const auto processes = processes_of(config, nodes);
  role_table roles;
  add(load_libraries(config, nodes,
                     libraries == library_check::load ? &roles : nullptr,
                     warnings));
  add(check_needed_files(fs, config, processes, warnings));
  if (const auto queries = load_queries(fs, config); !queries)
    add(queries.failure());
  // What follows reads databases.
  if (out)
    return out;
  if (auto fault = check_data_owner(config))
    return fault;
  if (auto fault = check_tables(fs, config, processes))
    return fault;
  const auto strayed = strayed_tables(fs, config, processes);
  warnings.insert(warnings.end(), strayed.begin(), strayed.end());
  for (const auto& each : processes)
    if (const auto why = not_served(config, *config.process(each));
        !why.empty())
      warnings.push_back(config.path + ": " + each + ": " + why);
  warn_of_ports(config, nodes, processes, warnings);
  system_clock clock;
  add(check_ports(fs, clock, config, processes, warnings));
  if (const auto made = load_cluster_tls(fs, clock, config, nodes, warnings);
      !made)
    add(made.failure());
  return out;
}

} // namespace millrace::nodes
