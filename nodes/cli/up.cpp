#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/node_selection.hpp>
#include <millrace/nodes/cli/own_program.hpp>
#include <millrace/nodes/cli/up.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, up_options& into) {
  declare_config(list, into.config);
  list.texts("NODE", into.nodes, "Only these nodes");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until a node must be ready; default: 60");
}

int run(const up_options& options) {
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
