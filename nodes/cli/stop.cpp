#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/running_process.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stop.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

void declare(option_list& list, stop_process_options& into) {
  declare_config(list, into.config);
  list.text("PROCESS", into.process, "Name of the [[process]]").required();
  list.text("--on", into.node, "The [[node]] that it runs on; default: found")
    .shown_as("NODE");
  declare_output(list, into.output);
}

int run(const stop_process_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto process = configured_process(*config, options.process);
  if (!process)
    return fail(process.failure());
  auto host = small_runtime(*config);
  if (!host)
    return fail(host.failure());
  if (!options.node.empty())
    if (const auto known = configured_node(*config, options.node); !known)
      return fail(known.failure());
  auto name = options.node;
  if (name.empty())
    name = node_of_running(**host, *config, options.process);
  // One that waits to be started again is known to its own node only.
  if (name.empty())
    name = (*process)->node;
  const auto* node = config->node(name);
  if (node == nullptr)
    return fail({errc::unavailable, "process '" + options.process
                                      + "' runs on no node that answers"});
  auto door = (*host)->find_as<front_door_actor>(
    {config->address_of(*node), node->port, std::string{front_door_name},
     config->name},
    3s);
  if (!door)
    return fail(door.failure());
  const auto said
    = ask<std::string>(**host, *door, 30s, stop_atom_v, options.process);
  auto fault = said ? error{} : said.failure();
  // The configuration has it, and its node does not host it now.
  if (fault.code == errc::not_found)
    fault.code = errc::unavailable;
  if (fault)
    return fail(fault);
  if (options.output == output_format::json)
    fmt::print("{}\n", text::json_value{{"process", options.process},
                                        {"node", name},
                                        {"state", "stopped"}}
                         .dump());
  else
    fmt::print("{} on node {}: stopped\n", options.process, name);
  return exit_ok;
}

} // namespace

const command<stop_process_options> stop_command{
  {"stop", "Stop a process of a running node",
   "millrace stop rdb1 --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
