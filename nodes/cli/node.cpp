#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/interrupts.hpp>
#include <millrace/nodes/cli/node_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/readiness.hpp>
#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/nodes/node/node.hpp>

namespace millrace::nodes {

int run_node(const node_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  interrupts signals;
  static system_clock clock;
  const auto level = log_level_of(config->logging.level);
  logger log{stderr_sink(config->logging.json), clock,
             level.value_or(log_level::info), host_name()};
  log = log.as("node", options.name);
  auto made
    = node::start({.config = *config, .name = options.name, .log = log});
  if (!made) {
    log.error("start", to_string(made.failure()));
    return fail(made.failure());
  }
  log.info("ready", "node " + options.name + " serves");
  if (auto fault = notify_ready())
    log.warning("ready", to_string(fault));
  const auto fault = (*made)->wait([&] { return signals.raised(); });
  log.info("stop", fault ? to_string(fault) : "stopping");
  (*made)->stop();
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace millrace::nodes
