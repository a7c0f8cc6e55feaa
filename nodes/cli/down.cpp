#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/down_command.hpp>
#include <millrace/nodes/cli/node_selection.hpp>

#include <memory>

namespace millrace::nodes {

int run_down(const down_options& options) {
  return with_nodes(
    options.config, options.nodes,
    [&](supervisor& nodes, const std::vector<std::string>& names) {
      stop_options stop;
      stop.grace_ns = int64_t{options.grace_s} * 1'000'000'000;
      stop.force = options.force;
      return report(nodes.stop(names, stop));
    });
}

void add_down_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<down_options>();
  auto* command
    = add_command(app, "down", "Stop the nodes of a cluster on this host",
                  "millrace down --config examples/local.toml");
  add_config_option(*command, options->config);
  command->add_option("NODE", options->nodes, "Only these nodes");
  command
    ->add_option("--grace", options->grace_s,
                 "Seconds that a node may take to end; default: 10")
    ->check(CLI::Range(1, 86'400).description(""));
  command->add_flag("--force", options->force,
                    "Kill nodes that have not ended by then");
  command->callback(
    [options, &run] { run = [options] { return run_down(*options); }; });
}

} // namespace millrace::nodes
