#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/text_table.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/processes.hpp>
#include <millrace/nodes/client/registered_processes.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;
using text::json_value;

constexpr std::array own_types{
  process_type::discovery, process_type::rt,   process_type::feed,
  process_type::rdb,       process_type::hdb,  process_type::gateway,
  process_type::kdb,       process_type::http, process_type::postgres};

void declare(option_list& list, processes_options& into) {
  declare_config(list, into.config);
  list.text("TYPE", into.type, "Only those of this type");
  declare_output(list, into.output);
}

std::string state_of(const process_row& row) {
  return row.available ? "available" : row.ready ? "gone" : "not ready";
}

json_value json_of(const process_row& row) {
  return {{"name", row.name},
          {"type", row.type},
          {"node", row.node},
          {"host", row.at.host},
          {"port", row.at.port},
          {"state", state_of(row)},
          {"last_seen", text::time_text(row.last_seen_ns)},
          {"attributes", row.attributes}};
}

/// Without the columns of its tables, which fill a screen: they are in the
/// JSON.
std::string attributes_text(const process_row& row) {
  auto out = json_value::object();
  for (const auto& [key, value] : row.attributes.entries())
    if (key != "declares")
      out.add(key, value);
  return out.dump();
}

int run(const processes_options& options) {
  const auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto rows
    = registered_processes(*cluster->host, cluster->config, options.type, 3s);
  if (!rows)
    return fail(rows.failure());
  if (rows->empty() && !options.type.empty()) {
    std::vector<std::string> known;
    for (const auto& each : cluster->config.processes)
      known.push_back(each.type);
    known.insert(known.end(), own_types.begin(), own_types.end());
    const auto why = "no process of type '" + options.type + "' is registered";
    if (std::find(known.begin(), known.end(), options.type) != known.end())
      return fail({errc::unavailable,
                   why + ": 'millrace status' shows what does not run"});
    return fail({errc::not_found, why + text::meant(options.type, known)});
  }
  if (options.output == output_format::json) {
    auto out = json_value::array();
    for (const auto& row : *rows)
      out.add(json_of(row));
    std::printf("%s\n", out.dump(2).c_str());
    return exit_ok;
  }
  std::vector<std::vector<std::string>> table{
    {"PROCESS", "TYPE", "NODE", "AT", "STATE", "LAST SEEN", "ATTRIBUTES"}};
  for (const auto& row : *rows)
    table.push_back({row.name, row.type, row.node,
                     row.at.host + ":" + std::to_string(row.at.port),
                     state_of(row), text::time_text(row.last_seen_ns),
                     attributes_text(row)});
  print_table(table);
  return exit_ok;
}

} // namespace

const command<processes_options> processes_command{
  {"processes", "List the processes that discovery knows",
   "millrace processes rdb --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
