#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/spawn_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {
using namespace std::chrono_literals;
/// A process that replays a long log takes its time to serve.
constexpr auto start_deadline = 10min;
} // namespace

int run_spawn(const spawn_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto* node = config->node(options.node);
  if (node == nullptr)
    return fail({errc::not_found, config->path + ": no [[node]] is named '"
                                    + options.node + "'"});
  if (config->process(options.process) == nullptr)
    return fail({errc::not_found, config->path + ": no [[process]] is named '"
                                    + options.process + "'"});
  auto host = runtime::create({.env = {.io_threads = 1, .pool_threads = 1}});
  if (!host)
    return fail(host.failure());
  auto door = (*host)->find_as<front_door_actor>(
    {config->address, node->port, std::string{front_door_name}}, 3s);
  if (!door)
    return fail(door.failure());
  error fault;
  {
    caf::scoped_actor self{(*host)->system()};
    self
      ->request(*door, caf::timespan{start_deadline}, spawn_atom_v,
                options.process)
      .receive([](const std::string&) {},
               [&](const caf::error& why) { fault = from_caf(why); });
  }
  if (fault)
    return fail(fault);
  fmt::print("{} runs on node {}\n", options.process, options.node);
  return exit_ok;
}

} // namespace millrace::nodes
