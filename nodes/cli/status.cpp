#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/cluster_status.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/status.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace millrace::nodes {

namespace {

using json = nlohmann::ordered_json;

std::string uptime_text(int64_t seconds) {
  const auto hours = seconds / 3600;
  return hours >= 24 ? fmt::format("{}d {:02}:{:02}", hours / 24, hours % 24,
                                   seconds / 60 % 60)
                     : fmt::format("{:02}:{:02}:{:02}", hours,
                                   seconds / 60 % 60, seconds % 60);
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += i + 1 == row.size() ? row[i]
                                  : fmt::format("{:<{}}  ", row[i], widths[i]);
    std::printf("%s\n", line.c_str());
  }
}

/// Fields of a live row that have no column of their own: "rows=12 lag=0".
std::string details(const json& row, const std::vector<std::string>& shown) {
  std::string out;
  for (const auto& [key, value] : row.items()) {
    if (std::find(shown.begin(), shown.end(), key) != shown.end())
      continue;
    out += (out.empty() ? "" : " ") + key + "="
           + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return out;
}

void print_status(const json& status) {
  std::vector<std::vector<std::string>> rows{
    {"NODE", "STATE", "PID", "PORT", "UPTIME", "PROCESSES"}};
  const auto text = [](const json& value) {
    return value.is_null() ? std::string{"-"} : value.dump();
  };
  for (const auto& node : status["nodes"]) {
    std::string processes;
    for (const auto& process : node["processes"])
      processes
        += (processes.empty() ? "" : " ") + process["name"].get<std::string>();
    rows.push_back({node["name"], node["state"], text(node["pid"]),
                    text(node["port"]),
                    node["uptime_s"].is_null()
                      ? "-"
                      : uptime_text(node["uptime_s"].get<int64_t>()),
                    processes});
  }
  print_table(rows);
  if (!status["streams"].empty()) {
    std::printf("\n");
    rows = {{"STREAM", "MODE", "DETAILS"}};
    for (const auto& stream : status["streams"])
      rows.push_back(
        {stream["name"], stream["mode"], details(stream, {"name", "mode"})});
    print_table(rows);
  }
  rows = {{"PROCESS", "TYPE", "DETAILS"}};
  for (const auto& node : status["nodes"])
    for (const auto& process : node["processes"])
      if (auto more = details(process, {"name", "type"}); !more.empty())
        rows.push_back({process["name"], process["type"], std::move(more)});
  if (rows.size() > 1) {
    std::printf("\n");
    print_table(rows);
  }
}

void declare(option_list& list, status_options& into) {
  declare_config(list, into.config);
  declare_output(list, into.output);
}

int run(const status_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!world)
    return fail(world.failure());
  json live;
  if (auto answer = collect_status(*config))
    live = *std::move(answer);
  else // What the host knows is worth printing all the same.
    fail(answer.failure());
  const auto status = cluster_status((*world)->world(), *config, live);
  if (!status)
    return fail(status.failure());
  if (options.output == output_format::json)
    std::printf("%s\n", status->dump(2).c_str());
  else
    print_status(*status);
  const auto& nodes = (*status)["nodes"];
  return std::all_of(
           nodes.begin(), nodes.end(),
           [](const auto& node) { return node["state"] == "running"; })
           ? exit_ok
           : exit_negative;
}

} // namespace

const command<status_options> status_command{
  {"status", "Show the nodes of a cluster; exit code 1 when one does not run",
   "millrace status --config examples/local.toml -o json"},
  declare,
  run};

} // namespace millrace::nodes
