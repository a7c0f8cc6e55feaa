#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/down.hpp>

#include <cstdio>

namespace millrace::nodes {

namespace {

void declare(option_list& list, down_options& into) {
  declare_config(list, into.config);
  list.texts("NODE", into.nodes, "Only these nodes");
  list.number("--grace", into.grace_s, 1, 86'400,
              "Seconds that a node may take to end; default: 10");
  list.flag("--force", into.force, "Kill nodes that have not ended by then");
  declare_output(list, into.output);
}

int run(const down_options& options) {
  return with_nodes(
    options.config, options.nodes,
    [&](supervisor& nodes, const std::vector<std::string>& names) {
      stop_options stop;
      stop.grace_ns = int64_t{options.grace_s} * 1'000'000'000;
      stop.force = options.force;
      const auto ended = nodes.stop(names, stop);
      if (options.output == output_format::json)
        std::printf("%s\n", json_of(ended).dump(2).c_str());
      return report(ended, options.output);
    });
}

} // namespace

const command<down_options> down_command{
  {"down", "Stop the nodes of a cluster on this host",
   "millrace down --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
