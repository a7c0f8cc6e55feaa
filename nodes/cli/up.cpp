#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/cluster/own_program.hpp>
#include <millrace/nodes/cli/cluster/start_check.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/up.hpp>
#include <millrace/nodes/client/await_ready.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, up_options& into) {
  declare_config(list, into.config);
  list
    .text("--process-csv", into.process_csv,
          "A process file of TorQ in the place of a configuration")
    .shown_as("FILE");
  list.texts("NODE", into.nodes, "Only these nodes");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until a node must serve, and then until what it hosts "
              "can be asked; default: 60");
  declare_output(list, into.output);
}

void draw(const std::vector<unready_process>& waits) {
  constexpr unsigned width = 30;
  if (waits.empty()) {
    fmt::print(stderr, "\r{:<60}\r", "");
  } else {
    const auto& first = waits.front();
    fmt::print(stderr, "\r[{:<{}}] {:3}%  {}",
               std::string(first.replayed_percent * width / 100, '#'), width,
               first.replayed_percent, first.name);
  }
  std::fflush(stderr);
}

/// Until what was started can be asked.
/// @param told becomes the processes that cannot be, and why
int wait_ready(const up_options& options, const std::vector<std::string>& names,
               text::json_value& told) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  std::vector<std::string> here; // Those of other hosts are not started.
  for (const auto& name : nodes_of_this_host(*config))
    if (std::find(names.begin(), names.end(), name) != names.end())
      here.push_back(name);
  if (here.empty())
    return exit_ok;
  auto host = small_runtime(*config);
  if (!host)
    return fail(host.failure());
  const bool shown = ::isatty(STDERR_FILENO) == 1;
  const auto late = await_ready(
    **host, *config, here, std::chrono::seconds{options.timeout_s},
    shown ? std::function{draw}
          : std::function<void(const std::vector<unready_process>&)>{});
  int code = exit_ok;
  for (const auto& each : late) {
    told.add({{"process", each.name}, {"why", each.why}});
    if (each.goes_on)
      code = fail({errc::timeout, each.name + ": is not ready after "
                                    + std::to_string(options.timeout_s)
                                    + " s and goes on: " + each.why});
    else if (options.output != output_format::json)
      fmt::print("{}: {}{}\n", each.name,
                 each.runs && !each.lacks ? "cannot be asked yet: " : "",
                 each.why);
    if ((!each.runs || each.refuses) && code == exit_ok)
      code = exit_negative;
  }
  return code;
}

/// The nodes that are to start.
std::vector<std::string> nodes_of(const cluster_config& config,
                                  const up_options& options) {
  return options.nodes.empty() ? nodes_of_this_host(config) : options.nodes;
}

/// Faults are told before anything starts.
error check(const up_options& options) {
  const auto config = load_cluster_to_start(options.config);
  if (!config)
    return config.failure();
  for (const auto& each : config->left_out)
    fmt::print(stderr, "{}\n", each);
  if (auto fault = check_named_once(options.nodes))
    return fault;
  const auto starting = nodes_of(*config, options);
  for (const auto& name : starting)
    if (const auto known = node_of_this_host(*config, name); !known)
      return known.failure();
  std::vector<std::string> warnings;
  auto out = check_start(*config, starting, library_check::load, warnings);
  for (const auto& each : warnings)
    fmt::print(stderr, "{}\n", each);
  return out;
}

/// The configuration that both options name one of.
result<std::string> path_of(const up_options& options) {
  if (options.process_csv.empty())
    return options.config;
  if (!options.config.empty())
    return error{errc::invalid_argument,
                 "--config and --process-csv name the same: give one of them"};
  if (!options.process_csv.ends_with(".csv"))
    return error{errc::invalid_argument,
                 options.process_csv + ": a process file is named '*.csv'"};
  return options.process_csv;
}

int run(const up_options& given) {
  const auto options = checked_start(given);
  return options ? start_checked(*options) : fail(options.failure());
}

} // namespace

result<up_options> checked_start(const up_options& given) {
  const auto path = path_of(given);
  if (!path)
    return path.failure();
  auto out = given;
  out.config = *path;
  out.process_csv.clear();
  if (auto fault = check(out))
    return fault;
  return out;
}

int start_checked(const up_options& options) {
  return with_nodes(
    options.config, options.nodes,
    [&](supervisor& nodes, const std::vector<std::string>& names) {
      start_options start;
      start.command = {own_program(), "node"};
      start.ready_timeout_ns = int64_t{options.timeout_s} * 1'000'000'000;
      const auto started = nodes.start(names, start);
      auto code = report(started, options.output);
      flush_output();
      auto unready = text::json_value::array();
      if (code == exit_ok)
        code = wait_ready(options, names, unready);
      if (options.output == output_format::json)
        fmt::print("{}\n", text::json_value{{"nodes", json_of(started)},
                                            {"not_ready", std::move(unready)}}
                             .dump(2));
      return code;
    });
}

const command<up_options> up_command{
  {"up", "Start the nodes of a cluster on this host",
   "millrace up --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
