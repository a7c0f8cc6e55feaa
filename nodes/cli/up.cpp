#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/node_selection.hpp>
#include <millrace/nodes/cli/up_command.hpp>

#include <filesystem>
#include <memory>

namespace millrace::nodes {

int run_up(const up_options& options) {
  return with_nodes(
    options.config, options.nodes,
    [&](supervisor& nodes, const std::vector<std::string>& names) {
      std::error_code fault;
      const auto self = std::filesystem::read_symlink("/proc/self/exe", fault);
      start_options start;
      start.command = {fault ? "millrace" : self.string(), "node"};
      start.ready_timeout_ns = int64_t{options.timeout_s} * 1'000'000'000;
      return report(nodes.start(names, start));
    });
}

void add_up_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<up_options>();
  auto* command
    = add_command(app, "up", "Start the nodes of a cluster on this host",
                  "millrace up --config examples/local.toml");
  add_config_option(*command, options->config);
  command->add_option("NODE", options->nodes, "Only these nodes");
  command
    ->add_option("--timeout", options->timeout_s,
                 "Seconds until a node must be ready; default: 60")
    ->check(CLI::Range(1, 86'400).description(""));
  command->callback(
    [options, &run] { run = [options] { return run_up(*options); }; });
}

} // namespace millrace::nodes
