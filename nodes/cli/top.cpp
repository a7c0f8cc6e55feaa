#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/text_table.hpp>
#include <millrace/nodes/cli/cluster_rates.hpp>
#include <millrace/nodes/cli/cluster_status.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/stoppable_output.hpp>
#include <millrace/nodes/cli/top.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using text::json_value;

void declare(option_list& list, top_options& into) {
  declare_config(list, into.config);
  list.number("--interval", into.interval_s, 0.1, 3600.0,
              "Seconds from one look to the next; default: 2");
  list.flag(
    "--once", into.once,
    "End after the first interval; exit code 1 when a node does not run");
  declare_output(list, into.output);
}

/// "1.4M": a number of things, or with a 'B' of bytes.
std::string short_number(const json_value& value, const char* unit = "") {
  const auto number = value.number();
  if (!number)
    return "-";
  auto rest = *number;
  const bool binary = *unit != '\0';
  const double step = binary ? 1024 : 1000;
  std::string_view prefix = " kMGTPE";
  while (rest >= step && prefix.size() > 1) {
    rest /= step;
    prefix.remove_prefix(1);
  }
  const auto word
    = prefix.front() == ' ' ? std::string{} : std::string{prefix.front()};
  return rest == *number ? fmt::format("{:.0f}{}", rest, unit)
                         : fmt::format("{:.1f}{}{}", rest, word, unit);
}

std::string rates_text(const json_value& rates) {
  std::vector<std::vector<std::string>> rows{
    {"NODE", "STATE", "CPU", "MEMORY"}};
  for (const auto& each : rates.at("nodes").elements())
    rows.push_back({cell_text(each.at("name")), cell_text(each.at("state")),
                    each.at("cpu_percent").is_null()
                      ? "-"
                      : cell_text(each.at("cpu_percent")) + "%",
                    short_number(each.at("memory_bytes"), "B")});
  auto out = table_text(rows);
  rows = {{"STREAM", "RT", "MESSAGES/S", "BYTES/S", "PENDING", "PUBLISHERS",
           "SUBSCRIBERS"}};
  for (const auto& each : rates.at("streams").elements())
    rows.push_back({cell_text(each.at("name")), cell_text(each.at("process")),
                    short_number(each.at("messages_per_s")),
                    short_number(each.at("bytes_per_s"), "B"),
                    short_number(each.at("pending_bytes"), "B"),
                    cell_text(each.at("publishers")),
                    cell_text(each.at("subscribers"))});
  out += "\n" + table_text(rows);
  rows = {{"PROCESS", "TYPE", "NODE", "STATE", "ROWS", "ROWS/S", "LAG",
           "MEMORY", "ANSWERS/S", "REJECTED"}};
  for (const auto& each : rates.at("processes").elements())
    rows.push_back(
      {cell_text(each.at("name")), cell_text(each.at("type")),
       cell_text(each.at("node")), cell_text(each.at("state")),
       short_number(each.at("rows")), short_number(each.at("rows_per_s")),
       short_number(each.at("lag_bytes"), "B"),
       short_number(each.at("memory_bytes"), "B"),
       short_number(each.at("answers_per_s")), cell_text(each.at("rejected"))});
  return out + "\n" + table_text(rows);
}

/// A whole picture, in the place of the one before where there is a terminal.
error show(const json_value& rates, const top_options& options,
           stoppable_output& out) {
  std::string text;
  if (options.output == output_format::json)
    text = rates.dump() + "\n";
  else
    text
      = (!options.once && ::isatty(STDOUT_FILENO) == 1 ? "\033[H\033[2J" : "")
        + rates_text(rates);
  auto fault = out.write(text);
  return fault ? fault : out.flush();
}

bool all_run(const json_value& status) {
  const auto& nodes = status.at("nodes").elements();
  return std::all_of(nodes.begin(), nodes.end(), [](const auto& each) {
    return cell_text(each.at("state")) == "running";
  });
}

struct look {
  std::chrono::steady_clock::time_point when;
  json_value status;
};

result<look> look_at(runtime& host, const cluster_config& config) {
  const auto live = collect_status(host, config);
  const auto now = std::chrono::steady_clock::now();
  auto status = cluster_status(host.env(), config, live);
  if (!status)
    return status.failure();
  return look{now, *std::move(status)};
}

int run(const top_options& options) {
  const auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const interrupts signals;
  stoppable_output out{signals};
  const auto interval = std::chrono::duration<double>{options.interval_s};
  auto before = look_at(*cluster->host, cluster->config);
  if (!before)
    return fail(before.failure());
  while (!signals.raised()) {
    while (std::chrono::steady_clock::now() - before->when < interval
           && !signals.raised()) {
      if (output_is_unread())
        return exit_pipe;
      // lint: allow(sleep): what is looked at is what happens meanwhile.
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    auto after = look_at(*cluster->host, cluster->config);
    if (!after)
      return fail(after.failure());
    const std::chrono::nanoseconds elapsed = after->when - before->when;
    const auto fault
      = show(cluster_rates(before->status, after->status, elapsed.count()),
             options, out);
    if (fault && !signals.raised())
      return fail_output(fault);
    if (options.once && !signals.raised())
      return all_run(after->status) ? exit_ok : exit_negative;
    before = std::move(after);
  }
  return signals.exit_code();
}

} // namespace

const command<top_options> top_command{
  {"top", "Show what a cluster does: rates, lag and memory, until ctrl-C",
   "millrace top --once --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
