#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/logs.hpp>
#include <millrace/nodes/cli/node_log.hpp>
#include <millrace/nodes/cli/stoppable_output.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace millrace::nodes {

namespace {

constexpr auto look_interval = std::chrono::milliseconds{200};

void declare(option_list& list, logs_options& into) {
  declare_config(list, into.config);
  list.text("NODE", into.node, "Name of the [[node]], or of a process in it")
    .required();
  list
    .number("-n,--lines", into.lines, "How many of the last lines; default: 20")
    .shown_as("N");
  list.flag("-f,--follow", into.follow, "Go on with what comes, until ctrl-C");
  declare_output(list, into.output);
}

/// A process writes into the log of the node that it runs in.
std::string node_of(const cluster_config& config, const std::string& name) {
  const bool is_node
    = std::any_of(config.nodes.begin(), config.nodes.end(),
                  [&](const auto& each) { return each.name == name; });
  if (!is_node)
    for (const auto& each : config.processes)
      if (each.name == name && !each.node.empty()) {
        std::fprintf(stderr, "%s runs in node %s, whose log this is\n",
                     name.c_str(), each.node.c_str());
        return each.node;
      }
  return name;
}

std::string shown(const logs_options& options, std::string text) {
  return options.output == output_format::json ? json_lines(text)
                                               : std::move(text);
}

/// Goes on after `from`; a file that became shorter begins anew.
int follow_log(const logs_options& options, const std::string& path,
               uint64_t from, stoppable_output& out,
               const interrupts& signals) {
  auto& fs = persistence::posix_file_system();
  while (!signals.raised()) {
    if (output_is_unread())
      return exit_pipe;
    auto more = read_log_from(fs, path, from);
    if (!more)
      return fail(more.failure());
    from = more->end;
    auto fault = out.write(shown(options, std::move(more->text)));
    if (!fault)
      fault = out.flush();
    if (signals.raised())
      break;
    if (fault)
      return fail_output(fault);
    // lint: allow(sleep): another process writes, and wakes nobody.
    std::this_thread::sleep_for(look_interval);
  }
  return signals.exit_code();
}

int run(const logs_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto node = node_of(*config, options.node);
  if (auto known = node_of_this_host(*config, node); !known)
    return fail(known.failure());
  const auto path = node_log_path(*config, node);
  auto last
    = read_last_lines(persistence::posix_file_system(), path, options.lines);
  if (!last)
    return fail(last.failure());
  const interrupts signals;
  stoppable_output out{signals};
  auto fault = out.write(shown(options, std::move(last->text)));
  if (!fault)
    fault = out.flush();
  if (signals.raised())
    return signals.exit_code();
  if (fault)
    return fail_output(fault);
  return options.follow ? follow_log(options, path, last->end, out, signals)
                        : static_cast<int>(exit_ok);
}

} // namespace

const command<logs_options> logs_command{
  {"logs", "Print the end of a node's log; json: an object per line",
   "millrace logs rdb1 -n 50 --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
