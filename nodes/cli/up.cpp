#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/node_selection.hpp>
#include <millrace/nodes/cli/own_program.hpp>
#include <millrace/nodes/cli/up.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

void declare(option_list& list, up_options& into) {
  declare_config(list, into.config);
  list.texts("NODE", into.nodes, "Only these nodes");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until a node must be ready; default: 60");
}

/// Faults of the tables are told before anything starts.
error check(const up_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return config.failure();
  std::vector<std::string> processes;
  for (const auto& process : config->processes)
    if (options.nodes.empty()
        || std::count(options.nodes.begin(), options.nodes.end(), process.node)
             != 0)
      processes.push_back(process.name);
  return check_tables(persistence::posix_file_system(), *config, processes);
}

int run(const up_options& options) {
  if (const auto fault = check(options))
    return fail(fault);
  return with_nodes(
    options.config, options.nodes,
    [&](supervisor& nodes, const std::vector<std::string>& names) {
      start_options start;
      start.command = {own_program(), "node"};
      start.ready_timeout_ns = int64_t{options.timeout_s} * 1'000'000'000;
      return report(nodes.start(names, start));
    });
}

} // namespace

const command<up_options> up_command{
  {"up", "Start the nodes of a cluster on this host",
   "millrace up --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
