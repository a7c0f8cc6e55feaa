#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/running_process.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/spawn.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {
using namespace std::chrono_literals;
/// A process that replays a long log takes its time to serve.
constexpr auto start_deadline = 10min;

void declare(option_list& list, spawn_options& into) {
  declare_config(list, into.config);
  list.text("PROCESS", into.process, "Name of the [[process]]").required();
  list
    .text("--on", into.node,
          "Name of the [[node]]; default: the one that the process names")
    .shown_as("NODE");
  declare_output(list, into.output);
}

int run(const spawn_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto process = configured_process(*config, options.process);
  if (!process)
    return fail(process.failure());
  if (options.node.empty() && (*process)->node.empty())
    return fail({errc::invalid_argument,
                 "process '" + options.process
                   + "' names no node: '--on NODE' says where it is to run"});
  const auto node = configured_node(
    *config, options.node.empty() ? (*process)->node : options.node);
  if (!node)
    return fail(node.failure());
  auto host = small_runtime(*config);
  if (!host)
    return fail(host.failure());
  // Two of one name would both write what is its own.
  if (const auto where = node_of_running(**host, *config, options.process);
      !where.empty())
    return fail(
      {errc::locked, "process '" + options.process + "' runs on node '" + where
                       + "'; 'millrace stop " + options.process + "' ends it"});
  auto door = (*host)->find_as<front_door_actor>(
    {config->address_of(**node), (*node)->port, std::string{front_door_name},
     config->name},
    3s);
  if (!door)
    return fail(door.failure());
  const auto said = ask<std::string>(**host, *door, start_deadline,
                                     spawn_atom_v, options.process);
  auto fault = said ? error{} : said.failure();
  // It began since it was looked for.
  if (fault.code == errc::already_exists)
    fault.code = errc::locked;
  if (fault)
    return fail(fault);
  if (options.output == output_format::json)
    fmt::print("{}\n", text::json_value{{"process", options.process},
                                        {"node", (*node)->name},
                                        {"state", "runs"}}
                         .dump());
  else
    fmt::print("{} runs on node {}\n", options.process, (*node)->name);
  return exit_ok;
}

} // namespace

const command<spawn_options> spawn_command{
  {"spawn", "Start a process of the configuration on a running node",
   "millrace spawn rdb1 --on rdb1 --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
