#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/cluster/start_check.hpp>
#include <millrace/nodes/cli/cluster/text_table.hpp>
#include <millrace/nodes/cli/cluster_status.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/status.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/host/data_owner.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <set>
#include <thread>

namespace millrace::nodes {

namespace {

using text::json_value;

std::string uptime_text(int64_t seconds) {
  const auto hours = seconds / 3600;
  return hours >= 24 ? fmt::format("{}d {:02}:{:02}", hours / 24, hours % 24,
                                   seconds / 60 % 60)
                     : fmt::format("{:02}:{:02}:{:02}", hours,
                                   seconds / 60 % 60, seconds % 60);
}

bool is_plain(const json_value& value) {
  return !value.is_object() && !value.is_array();
}

/// A count of nothing, what does not hold, or what is not known: where all is
/// well that is most of what there is. How many rows there are is told anyway.
bool is_quiet(const std::string& key, const json_value& value) {
  const auto text = value.dump();
  return !key.starts_with("rows.")
         && (text == "0" || text == "0.0" || text == "false" || text == "null"
             || text == "\"\"");
}

/// What a stream has columns for, and what only its JSON is read for.
bool is_of_stream_alone(const std::string& key) {
  static const std::set<std::string> keys{"name",
                                          "stream",
                                          "mode",
                                          "process",
                                          "role",
                                          "end",
                                          "end_text",
                                          "published_by",
                                          "leads",
                                          "entries",
                                          "id_policy",
                                          "subscriber_lag.at_least",
                                          "lag.at_least",
                                          "collection.begin",
                                          "collection.collected",
                                          "disk.sync_ms",
                                          "foreign", // A line tells it.
                                          "repair.files_scrubbed",
                                          "repair.reserve"};
  return keys.contains(key) || key.starts_with("group.");
}

void add_detail(std::string& out, const std::string& key,
                const json_value& value) {
  if (is_quiet(key, value))
    return;
  text::add_to_list(
    out, key + "=" + (value.text() ? *value.text() : value.dump()), " ");
}

/// Fields of a live row that have no column of their own: "rows.trade=12
/// lag.ms=3". What lies deeper is for programs, and in the JSON.
/// @param hides whether a field, "lag.ms", is not told
std::string details(const json_value& row,
                    const std::function<bool(const std::string&)>& hides) {
  std::string out;
  const auto add = [&](const std::string& key, const json_value& value) {
    if (is_plain(value) && !hides(key))
      add_detail(out, key, value);
  };
  for (const auto& [key, value] : row.entries()) {
    add(key, value);
    if (!hides(key))
      for (const auto& [inner, deep] : value.entries())
        add(key + "." + inner, deep);
  }
  return out;
}

/// What is told of a process elsewhere: of an rt, with its streams.
bool is_elsewhere(const json_value& process, const std::string& key) {
  static const std::set<std::string> of_rt{"down", "ended", "last_ended",
                                           "ended_by", "log"};
  return key == "name" || key == "type" || key == "role"
         || key == "lag.at_least"
         || (cell_text(process.at("type")) == process_type::rt
             && !of_rt.contains(key));
}

/// Without the address of the node, which its row has.
std::string without_place(const std::string& refusal) {
  const auto end = refusal.find(": ");
  return refusal.starts_with("front-door at ") && end != refusal.npos
           ? refusal.substr(end + 2)
           : refusal;
}

/// Those that could not be asked, by why: one refusal is often all nodes'.
void print_not_asked(const json_value& status) {
  std::vector<std::pair<std::string, std::string>> told;
  for (const auto& node : status.at("nodes").elements()) {
    if (!node.find("not_asked"))
      continue;
    const auto refusal = without_place(node.at("not_asked").text_or_empty());
    const auto known
      = std::find_if(told.begin(), told.end(),
                     [&](const auto& each) { return each.first == refusal; });
    const auto name = cell_text(node.at("name"));
    if (known == told.end())
      told.emplace_back(refusal, name);
    else
      known->second += ", " + name;
  }
  for (const auto& [refusal, names] : told)
    std::printf("%s: could not be asked: %s\n", names.c_str(), refusal.c_str());
}

/// What there is to know of nodes beside their rows.
void print_of_nodes(const json_value& status) {
  print_not_asked(status);
  for (const auto& node : status.at("nodes").elements())
    if (const auto* stranger = node.at("stranger").text())
      std::printf("%s: its port is not its own: %s\n",
                  cell_text(node.at("name")).c_str(), stranger->c_str());
    else if (const auto* failed = node.at("failed").text())
      std::printf("%s: %s; see %s\n", cell_text(node.at("name")).c_str(),
                  failed->c_str(), cell_text(node.at("log")).c_str());
    else if (cell_text(node.at("state")) == "died")
      std::printf(
        "%s: %s%s; its last word, in %s: %s\n",
        cell_text(node.at("name")).c_str(), cell_text(node.at("died")).c_str(),
        node.find("last_seen")
          ? (", last seen alive at " + node.at("last_seen").text_or_empty())
              .c_str()
          : "",
        cell_text(node.at("log")).c_str(),
        cell_text(node.at("last_line")).c_str());
    else if (const auto* why = node.at("unnamed").text())
      std::printf("%s: %s\n", cell_text(node.at("name")).c_str(), why->c_str());
  for (const auto& node : status.at("nodes").elements())
    if (const auto* address = node.at("elsewhere").text())
      std::printf("%s: on another host, at %s%s\n",
                  cell_text(node.at("name")).c_str(), address->c_str(),
                  cell_text(node.at("state")) == "running"
                    ? ""
                    : ": does not answer; 'millrace status' there shows why");
  for (const auto& node : status.at("nodes").elements())
    if (const auto refused = node.at("refused_connections").integer())
      std::printf("%s: refused %lld connections; the last one: %s\n",
                  cell_text(node.at("name")).c_str(),
                  static_cast<long long>(*refused),
                  cell_text(node.at("last_refused")).c_str());
  for (const auto& node : status.at("nodes").elements())
    if (const auto days = node.at("certificate_days").integer();
        days && *days < 30)
      std::printf("%s: its certificate for the cluster lasts %lld days\n",
                  cell_text(node.at("name")).c_str(),
                  static_cast<long long>(*days));
  for (const auto& node : status.at("nodes").elements())
    if (const auto* fault = node.at("certificate_fault").text())
      std::printf("%s: its certificate for the cluster is not the one in its "
                  "files, which is of no use: %s\n",
                  cell_text(node.at("name")).c_str(), fault->c_str());
  for (const auto& node : status.at("nodes").elements())
    if (node.at("failed").text() || cell_text(node.at("state")) == "died")
      std::printf("'millrace up %s' starts it again\n",
                  cell_text(node.at("name")).c_str());
}

/// What answers lack, and say so; and what waits for somebody's word.
std::vector<std::string> lacks(const json_value& status) {
  struct count {
    const char* key;
    const char* one;
    const char* several;
    const char* more;
  };
  constexpr count counts[]
    = {{"losses", "loss", "losses",
        "answers about what they touch say so; 'millrace logs' of its node "
        "tells of each, 'millrace stream losses' lists those of the stream, "
        "'millrace hdb ledger' those that are written down"},
       {"damaged_queries", "question", "questions",
        "failed of damaged files, which the log of its node names: 'millrace "
        "hdb check' finds all, a backup has them"},
       {"rejected_batches", "batch", "batches",
        "no table fits: 'millrace rejects' lists them"},
       {"parked_batches", "batch", "batches",
        "parked: 'millrace rejects' lists them"},
       {"rejected", "line", "lines",
        "gave no row since it began: 'millrace logs' of its node names the "
        "reject file that has them"}};
  std::vector<std::string> out;
  for (const auto& node : status.at("nodes").elements())
    for (const auto& process : node.at("processes").elements())
      for (const auto& [key, one, several, more] : counts)
        if (const auto found = process.at(key).natural().value_or(0))
          out.push_back(cell_text(process.at("name")) + ": "
                        + std::to_string(found) + " "
                        + (found == 1 ? one : several) + ": " + more);
  return out;
}

void print_status(const json_value& status) {
  std::vector<std::vector<std::string>> rows{
    {"NODE", "STATE", "PID", "PORT", "UPTIME", "PROCESSES"}};
  for (const auto& node : status.at("nodes").elements()) {
    std::string processes;
    for (const auto& process : node.at("processes").elements())
      text::add_to_list(processes, cell_text(process.at("name")), " ");
    const auto uptime = node.at("uptime_s").integer();
    rows.push_back({cell_text(node.at("name")), cell_text(node.at("state")),
                    cell_text(node.at("pid")), cell_text(node.at("port")),
                    uptime ? uptime_text(*uptime) : "-", processes});
  }
  print_table(rows);
  print_of_nodes(status);
  if (const auto& streams = status.at("streams").elements(); !streams.empty()) {
    std::printf("\n");
    rows = {{"STREAM", "MODE", "RT", "ROLE", "END", "DETAILS"}};
    for (const auto& stream : streams)
      rows.push_back(
        {cell_text(stream.at("name")), cell_text(stream.at("mode")),
         cell_text(stream.at("process")),
         stream.find("published_by") ? std::string{"publisher, no rt orders it"}
                                     : cell_text(stream.at("group").at("role")),
         cell_text(stream.at("end_text")),
         details(stream, is_of_stream_alone)});
    print_table(rows);
  }
  rows = {{"PROCESS", "TYPE", "DETAILS"}};
  for (const auto& node : status.at("nodes").elements())
    for (const auto& process : node.at("processes").elements())
      if (auto more = details(
            process,
            [&](const std::string& key) { return is_elsewhere(process, key); });
          !more.empty())
        rows.push_back({cell_text(process.at("name")),
                        cell_text(process.at("type")), std::move(more)});
  if (rows.size() > 1) {
    std::printf("\n");
    print_table(rows);
  }
  for (const auto& name : status.at("not_started").elements())
    std::printf("%s: does not run; only 'millrace spawn' starts it\n",
                name.text()->c_str());
  for (const auto& line : lacks(status))
    std::printf("%s\n", line.c_str());
}

/// A node with all its processes.
bool runs(const json_value& node) {
  const auto& processes = node.at("processes").elements();
  return cell_text(node.at("state")) == "running" && !node.find("stranger")
         && !node.find("unnamed")
         && std::none_of(processes.begin(), processes.end(),
                         [](const auto& each) { return each.find("down"); });
}

/// The streams that no node orders.
std::set<std::string> not_ordered(const json_value& status) {
  std::set<std::string> out;
  std::set<std::string> led;
  for (const auto& row : status.at("streams").elements()) {
    if (row.find("published_by"))
      continue; // None is to.
    out.insert(cell_text(row.at("name")));
    if (row.at("leads").boolean().value_or(false))
      led.insert(cell_text(row.at("name")));
  }
  for (const auto& name : led)
    out.erase(name);
  return out;
}

/// Why nobody orders a stream: what one of its rt processes waits for, or that
/// too few are there.
std::string why_not_ordered(const json_value& status, const std::string& name) {
  for (const auto& row : status.at("streams").elements())
    if (const auto& blocked = row.at("repair").at("blocked").text_or_empty();
        cell_text(row.at("name")) == name && !blocked.empty())
      return blocked_text(cell_text(row.at("process")), blocked);
  return "no node orders it; a majority of its rt processes must run, and know "
         "what they agreed on ('millrace stream members')";
}

/// Why processes can answer nothing, or not all, until somebody does something.
std::vector<std::string> refusals(const json_value& status) {
  std::vector<std::string> out;
  for (const auto& node : status.at("nodes").elements())
    for (const auto& process : node.at("processes").elements()) {
      const auto& gone = process.at("gone").elements();
      if (!gone.empty())
        out.push_back(cell_text(process.at("name")) + ": "
                      + gone.front().text_or_empty());
      else if (process.at("refuses").boolean().value_or(false))
        out.push_back(cell_text(process.at("name")) + ": "
                      + process.at("standing").text_or_empty());
    }
  return out;
}

/// Streams whose publishers wait for a full disk. One that orders nothing is
/// told as that.
std::vector<std::string> held(const json_value& status) {
  std::vector<std::string> out;
  for (const auto& row : status.at("streams").elements())
    if (row.at("repair").at("waits").boolean().value_or(false)
        && !row.at("repair").find("blocked"))
      out.push_back("stream '" + cell_text(row.at("name")) + "': the disk of "
                    + cell_text(row.at("process"))
                    + " is full: it takes nothing new from publishers, which "
                      "wait, until there is room; nothing is lost");
  return out;
}

/// Nodes whose directory is of another life of a stream.
std::vector<std::string> foreign(const json_value& status) {
  std::vector<std::string> out;
  for (const auto& row : status.at("streams").elements())
    if (const auto& why = row.at("foreign").text_or_empty(); !why.empty())
      out.push_back(cell_text(row.at("process")) + ": " + why);
  return out;
}

/// Back ends that run, and that a gateway lost and has not found again, and
/// those that are none.
std::vector<std::string> cut_off(const json_value& status) {
  // One that is started again, or comes back after a broken link, takes that.
  constexpr int64_t usual_ms = 2'000;
  std::map<std::string, std::string> running; // Their nodes.
  for (const auto& node : status.at("nodes").elements())
    for (const auto& process : node.at("processes").elements())
      if (!process.find("down") && process.find("role"))
        running[cell_text(process.at("name"))] = cell_text(node.at("name"));
  std::vector<std::string> out;
  for (const auto& node : status.at("nodes").elements())
    for (const auto& process : node.at("processes").elements())
      for (const auto& [backend, told] : process.at("backends").entries()) {
        if (const auto* unfit = told.find("unfit"))
          out.push_back(cell_text(process.at("name")) + ": "
                        + unfit->text_or_empty());
        const auto gone = told.at("gone_ms").integer();
        const auto there = running.find(backend);
        if (gone && *gone >= usual_ms && there != running.end())
          out.push_back(cell_text(process.at("name")) + " on node "
                        + cell_text(node.at("name")) + " has not reached "
                        + backend + " on node " + there->second + " for "
                        + std::to_string(*gone / 1'000)
                        + " s, though both run: the link between their nodes "
                          "is cut");
      }
  return out;
}

/// What there is to know of the cluster. A back end that stood still, as a
/// stopped process does, is lost for as long as that and found soon after: who
/// is not reached is asked about until that time is over.
/// @param not_asked becomes the exit code of one who may not ask
result<json_value> settled_status(persistence::env& world,
                                  const cluster_config& config,
                                  int& not_asked) {
  constexpr int64_t found_within_ns = 3'000'000'000;
  constexpr auto pause = std::chrono::milliseconds{250};
  const auto until = world.clock->monotonic_ns() + found_within_ns;
  for (;;) {
    json_value live;
    if (auto answer = collect_status(config))
      live = *std::move(answer);
    else // What the host knows is worth printing all the same.
      not_asked = fail(answer.failure());
    auto out = cluster_status(world, config, live);
    if (!out || not_asked != exit_ok || cut_off(*out).empty()
        || world.clock->monotonic_ns() >= until)
      return out;
    // lint: allow(sleep): they look for one another, and tell nobody.
    std::this_thread::sleep_for(pause);
  }
}

void declare(option_list& list, status_options& into) {
  declare_config(list, into.config);
  declare_output(list, into.output);
}

/// Tells what would keep nodes that do not run from starting.
bool cannot_start(const cluster_config& config) {
  std::vector<std::string> warnings; // `up` tells them.
  const auto why = check_start(config, nodes_of_this_host(config),
                               library_check::look, warnings);
  // Who may only look is no judge of what the others may read.
  if (why.code != errc::config)
    return false;
  fail(why);
  return true;
}

int run(const status_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!world)
    return fail(world.failure());
  int not_asked = exit_ok;
  const auto status = settled_status((*world)->world(), *config, not_asked);
  if (!status)
    return fail(status.failure());
  if (options.output == output_format::json)
    std::printf("%s\n", status->dump(2).c_str());
  else
    print_status(*status);
  const auto& nodes = status->at("nodes").elements();
  if (not_asked != exit_ok)
    return not_asked;
  if (std::any_of(nodes.begin(), nodes.end(),
                  [](const auto& each) { return each.find("not_asked"); }))
    return exit_permission;
  if (const auto open
      = owns_data(*config) ? check_data_owner(*config) : error{})
    return fail(open);
  // Of a cluster that does not run that goes without saying.
  const auto idle = std::any_of(nodes.begin(), nodes.end(), runs)
                      ? not_ordered(*status)
                      : std::set<std::string>{};
  for (const auto& name : idle)
    fail({errc::unavailable,
          "stream '" + name + "': " + why_not_ordered(*status, name)});
  if (!std::all_of(nodes.begin(), nodes.end(), runs))
    return cannot_start(*config) ? exit_config : exit_negative;
  bool all_well = idle.empty();
  const auto tell = [&](errc code, const std::vector<std::string>& lines) {
    for (const auto& why : lines)
      fail({code, why});
    all_well = all_well && lines.empty();
  };
  tell(errc::unavailable, refusals(*status));
  tell(errc::unavailable, cut_off(*status));
  tell(errc::no_space, held(*status));
  tell(errc::unavailable, foreign(*status));
  return all_well ? exit_ok : exit_negative;
}

} // namespace

const command<status_options> status_command{
  {"status", "Show the nodes of a cluster; exit code 1 when not all is well",
   "millrace status --config examples/local.toml -o json"},
  declare,
  run};

} // namespace millrace::nodes
