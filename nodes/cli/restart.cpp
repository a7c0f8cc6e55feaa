#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/restart.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, restart_options& into) {
  up_command.declare(list, into);
  list.number("--grace", into.grace_s, 1, 86'400,
              "Seconds that a node may take to end; default: 10");
}

/// What could not start again goes on.
int run(const restart_options& options) {
  const auto next = checked_start(options);
  if (!next)
    return fail(next.failure());
  const auto code
    = with_nodes(next->config, next->nodes,
                 [&](supervisor& nodes, const std::vector<std::string>& names) {
                   stop_options stop;
                   stop.grace_ns = int64_t{options.grace_s} * 1'000'000'000;
                   return report(nodes.stop(names, stop), options.output);
                 });
  return code == exit_ok ? start_checked(*next) : code;
}

} // namespace

const command<restart_options> restart_command{
  {"restart", "Stop nodes of a cluster on this host, and start them again",
   "millrace restart rdb1 --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
