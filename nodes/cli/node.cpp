#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/node.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/descriptor_limit.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/idle_memory.hpp>
#include <millrace/nodes/host/readiness.hpp>
#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/nodes/node/node.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, node_options& into) {
  declare_config(list, into.config);
  list.text("--name", into.name, "Name of the [[node]]")
    .required()
    .shown_as("NAME");
}

int run(const node_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  if (const auto known = configured_node(*config, options.name); !known)
    return fail(known.failure());
  interrupts signals;
  static system_clock clock;
  const auto level = log_level_of(config->logging.level);
  logger log{stderr_sink(config->logging.json), clock,
             level.value_or(log_level::info), host_name()};
  log = log.as("node", options.name);
  if (const auto most = raise_descriptor_limit())
    log.info("start", "may open " + std::to_string(*most)
                        + " files and sockets at once");
  else
    log.warning("start", to_string(most.failure()));
  auto made
    = node::start({.config = *config, .name = options.name, .log = log});
  if (!made) {
    log.error("start", to_string(made.failure()));
    return exit_code_of(made.failure().code);
  }
  log.info("ready", "node " + options.name + " serves");
  if (auto fault = notify_ready())
    log.warning("ready", to_string(fault));
  idle_memory memory;
  const auto fault = (*made)->wait([&] {
    memory.look(clock.monotonic_ns(), processor_time_ns());
    return signals.raised();
  });
  log.info("stop", fault ? to_string(fault) : "stopping");
  (*made)->stop();
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace

const command<node_options> node_command{
  {"node", "Host one node of a cluster in the foreground",
   "millrace node --config examples/local.toml --name rdb1"},
  declare,
  run};

} // namespace millrace::nodes
