#include <millrace/nodes/cli/demo_command.hpp>

#include <memory>

namespace millrace::nodes {

void add_demo_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<demo_options>();
  auto* command = add_command(
    app, "demo", "Run a whole cluster in one process and show what it does",
    "millrace demo --dir /tmp/millrace --once");
  command
    ->add_option("--dir", options->directory,
                 "Where data is kept; default: a new temporary directory")
    ->type_name("DIR");
  command->add_flag("--once", options->once,
                    "End after the show instead of staying up for clients");
  command
    ->add_option("--port", options->port, "Port on loopback; default: 7400")
    ->check(CLI::Range(1, 65'535).description(""));
  command->callback(
    [options, &run] { run = [options] { return run_demo(*options); }; });
}

} // namespace millrace::nodes
