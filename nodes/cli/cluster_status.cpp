#include <millrace/messages/data/progress_trace.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/cli/cluster_status.hpp>
#include <millrace/nodes/cli/node_log.hpp>
#include <millrace/nodes/host/own_addresses.hpp>
#include <millrace/nodes/host/process_usage.hpp>
#include <millrace/nodes/host/supervisor.hpp>

#include <algorithm>
#include <map>
#include <string>

namespace millrace::nodes {

namespace {

using text::json_value;

/// What the nodes said of `name`, merged into what the host knows.
void merge_live(json_value& row, const json_value& live, const char* kind,
                const std::string& name) {
  for (const auto& [key, value] : live.at(kind).at(name).entries())
    row[key] = value;
}

/// What may say why a node ended.
json_value last_line(persistence::env& world, const cluster_config& config,
                     const std::string& node) {
  auto last = read_last_lines(*world.fs, node_log_path(config, node), 1);
  if (!last)
    return to_string(last.failure());
  if (last->text.ends_with('\n'))
    last->text.pop_back();
  return last->text;
}

/// One that is the node's by the file, or that was started there by hand.
/// @param runs whether the node's process is there
json_value process_row(const cluster_config& config, const json_value& live,
                       const node_config& node, bool runs,
                       const std::string& name) {
  json_value out{{"name", name}, {"type", config.process(name)->type}};
  const auto* host = live.at("hosts").at(name).text();
  if (host != nullptr && *host != node.name) {
    out.add("down", "runs on node " + *host);
    return out;
  }
  merge_live(out, live, "processes", name);
  if (!live.at("answered").find(node.name)) {
    // Of one that does not run, or that nobody asked, that is said.
    if (runs && live.is_object() && !live.at("refusals").find(node.name))
      out.add("down", "its node does not answer");
  } else if (!live.at("processes").find(name)) {
    out.add("down", "does not run: 'millrace spawn " + name + "' starts it");
  }
  return out;
}

/// By stream, what the node that leads remembers of where it ended, and when.
std::map<std::string, progress_trace> traces_of(const json_value& streams) {
  std::map<std::string, progress_trace> out;
  for (const auto& row : streams.elements())
    if (row.at("leads").boolean().value_or(false))
      out.emplace(row.at("name").text_or_empty(),
                  progress_trace::from_json(row.at("progress")));
  return out;
}

/// How far a place in a stream is behind its end.
void add_lag(json_value& row, const std::string& stream, const json_value& at,
             const std::map<std::string, progress_trace>& traces) {
  const auto trace = traces.find(stream);
  const auto place = at.natural();
  if (trace == traces.end() || !place)
    return;
  if (const auto lag = trace->second.lag_of({*place}, 0))
    row.add("lag", to_json(*lag));
}

/// What the lags are made of is for nobody else.
json_value without_trace(const json_value& row) {
  auto out = json_value::object();
  for (const auto& [key, value] : row.entries())
    if (key != "progress")
      out.add(key, value);
  return out;
}

/// Of the copies that other nodes have, and of what takes a stream in.
void add_lags(json_value& status) {
  const auto traces = traces_of(status.at("streams"));
  auto streams = json_value::array();
  for (const auto& each : status.at("streams").elements()) {
    auto row = without_trace(each);
    if (!row.at("leads").boolean().value_or(false))
      add_lag(row, row.at("name").text_or_empty(), row.at("end"), traces);
    streams.add(std::move(row));
  }
  status["streams"] = std::move(streams);
  auto nodes = json_value::array();
  for (auto node : status.at("nodes").elements()) {
    auto processes = json_value::array();
    for (const auto& each : node.at("processes").elements()) {
      auto row = without_trace(each);
      if (row.at("type").text_or_empty() == process_type::rdb)
        add_lag(row, row.at("stream").text_or_empty(), row.at("position"),
                traces);
      processes.add(std::move(row));
    }
    node["processes"] = std::move(processes);
    nodes.add(std::move(node));
  }
  status["nodes"] = std::move(nodes);
}

/// What is known of the port of a node.
void add_of_port(json_value& row, const json_value& live,
                 const std::string& node) {
  if (const auto* stranger = live.at("strangers").find(node))
    row.add("stranger", *stranger);
  if (const auto* refusal = live.at("refusals").find(node))
    row.add("not_asked", *refusal);
  for (const auto& [key, value] : live.at("ports").at(node).entries())
    row.add(key, value);
}

json_value empty_row(const node_config& node, std::string_view state) {
  return {{"name", node.name},
          {"state", state},
          {"pid", {}},
          {"port", node.port},
          {"started", {}},
          {"uptime_s", {}},
          {"cpu_ms", {}},
          {"memory_bytes", {}},
          {"processes", json_value::array()}};
}

/// What it answers is all that is known.
json_value row_of_port(const json_value& live, const node_config& node) {
  const bool answers = live.at("answered").find(node.name) != nullptr;
  return empty_row(node, answers ? "running" : "no answer");
}

/// Of a node of another host.
json_value row_of_another(const cluster_config& config, const json_value& live,
                          const node_config& node) {
  auto row = row_of_port(live, node);
  row.add("elsewhere", config.address_of(node));
  return row;
}

result<json_value> row_of_this_host(persistence::env& world,
                                    const cluster_config& config,
                                    const node_config& node) {
  const auto state = supervisor{world, config}.state_of(node.name);
  if (!state)
    return state.failure();
  auto row = empty_row(node, to_string(state->state));
  if (state->state == node_state::kind::running) {
    const auto started = state->process.started_ns;
    row["pid"] = state->process.pid;
    if (const auto usage = usage_of_process(state->process.pid)) {
      row["cpu_ms"] = usage->cpu_ms;
      row["memory_bytes"] = usage->resident_bytes;
    }
    // Not known of one that its directory does not name.
    if (started != 0) {
      row["started"] = text::time_text(started);
      row["uptime_s"] = std::max<int64_t>(0, (world.clock->now_ns() - started)
                                               / 1'000'000'000);
    }
  } else {
    row.add("log", node_log_path(config, node.name));
  }
  if (state->unnamed)
    row.add("unnamed", state->unnamed.context);
  const bool failed = state->state == node_state::kind::failed;
  if (failed || state->state == node_state::kind::died) {
    row.add("last_line", last_line(world, config, node.name));
    row.add(failed ? "failed" : "died", end_of(state->process));
    if (state->process.seen_ns != 0)
      row.add("last_seen", text::time_text(state->process.seen_ns));
  }
  return row;
}

} // namespace

result<json_value> cluster_status(persistence::env& world,
                                  const cluster_config& config,
                                  const json_value& live) {
  json_value out{{"cluster", config.name},
                 {"nodes", json_value::array()},
                 {"streams", json_value::array()},
                 {"not_started", json_value::array()}};
  for (const auto& node : config.nodes) {
    const bool is_here = is_of_this_host(config.address_of(node));
    auto known = is_here ? row_of_this_host(world, config, node)
                         : row_of_another(config, live, node);
    // Of a node whose data this user may not see its port tells all the same.
    if (!known && known.failure().code == errc::permission) {
      auto row = row_of_port(live, node);
      row.add("unseen", known.failure().context);
      known = std::move(row);
    }
    if (!known)
      return known.failure();
    auto row = *std::move(known);
    add_of_port(row, live, node.name);
    const bool running = row.at("state").text_or_empty() == "running";
    for (const auto& name : node.processes)
      row["processes"].add(process_row(config, live, node, running, name));
    for (const auto& [name, host] : live.at("hosts").entries())
      if (host.text() && *host.text() == node.name
          && config.process(name)->node != node.name)
        row["processes"].add(process_row(config, live, node, running, name));
    out["nodes"].add(std::move(row));
  }
  for (const auto& process : config.processes)
    if (process.node.empty() && !live.at("hosts").find(process.name))
      out["not_started"].add(process.name);
  for (const auto& stream : config.streams) {
    auto serving = config.members_of(stream.name);
    if (const auto* publisher = config.publisher_of(stream.name))
      serving.push_back(publisher);
    for (const auto* member : serving) {
      json_value row{{"name", stream.name},
                     {"mode", to_string(stream.mode)},
                     {"process", member->name}};
      if (!stream.publisher.empty())
        row.add("published_by", stream.publisher);
      merge_live(row, live.at("streams"), stream.name.c_str(), member->name);
      out["streams"].add(std::move(row));
    }
  }
  add_lags(out);
  return out;
}

} // namespace millrace::nodes
