#include <millrace/nodes/cli/spawn_command.hpp>

#include <memory>

namespace millrace::nodes {

void add_spawn_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<spawn_options>();
  auto* command = add_command(
    app, "spawn", "Start a process of the configuration on a running node",
    "millrace spawn rdb2 --on rdb1 --config examples/local.toml");
  add_config_option(*command, options->config);
  command->add_option("PROCESS", options->process, "Name of the [[process]]")
    ->required();
  command->add_option("--on", options->node, "Name of the [[node]]")
    ->required()
    ->type_name("NODE");
  command->callback(
    [options, &run] { run = [options] { return run_spawn(*options); }; });
}

} // namespace millrace::nodes
