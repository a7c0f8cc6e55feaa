#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/status_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/logging.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

namespace millrace::nodes {

namespace {

using json = nlohmann::ordered_json;

/// What the nodes said of `name`, merged behind what the host knows.
void merge_live(json& row, const json& live, const char* kind,
                const std::string& name) {
  if (live.is_object() && live.contains(kind) && live[kind].contains(name)
      && live[kind][name].is_object())
    row.update(live[kind][name]);
}

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

} // namespace

result<json> cluster_status(persistence::env& world,
                            const cluster_config& config, const json& live) {
  json out{{"cluster", config.name},
           {"nodes", json::array()},
           {"streams", json::array()}};
  supervisor nodes{world, config};
  const auto now = world.clock->now_ns();
  for (const auto& node : config.nodes) {
    const auto state = nodes.state_of(node.name);
    if (!state)
      return state.failure();
    const bool running = state->state == node_state::kind::running;
    json row{{"name", node.name},
             {"state", to_string(state->state)},
             {"pid", nullptr},
             {"port", node.port},
             {"started", nullptr},
             {"uptime_s", nullptr},
             {"processes", json::array()}};
    if (running) {
      const auto started = state->process.started_ns;
      row["pid"] = state->process.pid;
      row["started"] = format_time(started);
      row["uptime_s"] = std::max<int64_t>(0, (now - started) / 1'000'000'000);
    }
    for (const auto& name : node.processes) {
      json process{{"name", name},
                   {"type", to_string(config.process(name)->type)}};
      merge_live(process, live, "processes", name);
      row["processes"].push_back(std::move(process));
    }
    out["nodes"].push_back(std::move(row));
  }
  for (const auto& stream : config.streams) {
    json row{{"name", stream.name}, {"mode", to_string(stream.mode)}};
    merge_live(row, live, "streams", stream.name);
    out["streams"].push_back(std::move(row));
  }
  return out;
}

int run_status(const status_options& options, const status_collector& collect) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!world)
    return fail(world.failure());
  json live;
  if (collect) {
    auto answer = collect(*config);
    if (answer)
      live = *std::move(answer);
    else // What the host knows is worth printing all the same.
      fail(answer.failure());
  }
  const auto status = cluster_status((*world)->world(), *config, live);
  if (!status)
    return fail(status.failure());
  if (options.json)
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

void add_status_command(CLI::App& app, std::function<int()>& run,
                        status_collector collect) {
  auto options = std::make_shared<status_options>();
  auto output = std::make_shared<output_format>(output_format::table);
  auto* command
    = add_command(app, "status",
                  "Show the nodes of a cluster; exit code 1 when one does not "
                  "run",
                  "millrace status --config examples/local.toml -o json");
  add_config_option(*command, options->config);
  add_output_option(*command, *output, false);
  command->callback([options, output, collect = std::move(collect), &run] {
    options->json = *output == output_format::json;
    run = [options, collect] { return run_status(*options, collect); };
  });
}

} // namespace millrace::nodes
