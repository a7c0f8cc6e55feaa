#include <millrace/nodes/cli/node_command.hpp>

#include <memory>

namespace millrace::nodes {

void add_node_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<node_options>();
  auto* command
    = add_command(app, "node", "Host one node of a cluster in the foreground",
                  "millrace node --config examples/local.toml --name rdb1");
  add_config_option(*command, options->config);
  command->add_option("--name", options->name, "Of the [[node]]")
    ->required()
    ->type_name("NAME");
  command->callback(
    [options, &run] { run = [options] { return run_node(*options); }; });
}

} // namespace millrace::nodes
