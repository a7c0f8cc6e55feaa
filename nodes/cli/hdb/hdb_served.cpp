#include <millrace/nodes/assembly/changed_by_hand.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/lacking.hpp>
#include <millrace/nodes/cli/hdb/hdb_served.hpp>
#include <millrace/nodes/client/await_served.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/configuration/same_directory.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace millrace::nodes {

void declare_server(option_list& list, std::string& path) {
  list
    .text("--config", path,
          "The cluster whose hdbs serve it: they are waited for, and its roll "
          "rules say of which date a row is; default: $MILLRACE_CONFIG, else "
          "none")
    .shown_as("FILE");
}

result<std::optional<cluster_config>> server_of(const std::string& path) {
  if (!configuration_path(path))
    return std::optional<cluster_config>{};
  auto config = load_cluster(path);
  if (!config)
    return config.failure();
  return std::optional{*std::move(config)};
}

namespace {

/// Whether it is where the table is written, loaded and looked for.
bool has_home(const cluster_config& config, const std::string& directory,
              const std::string& table) {
  return is_same_directory(config.home_of(table), directory);
}

/// Whether its rows are written to the database; not known of one that only
/// `spawn` has started.
bool may_write(const cluster_config& config, const std::string& directory,
               const std::string& rdb) {
  const auto* process = config.process(rdb);
  return process == nullptr
         || is_same_directory(process->hdb_directory, directory);
}

bool is_written(const cluster_config& config, const std::string& directory,
                const std::string& table) {
  return has_home(config, directory, table)
         || std::any_of(
           config.processes.begin(), config.processes.end(),
           [&](const process_config& each) {
             return each.type == process_type::rdb
                    && std::find(each.tables.begin(), each.tables.end(), table)
                         != each.tables.end()
                    && is_same_directory(each.hdb_directory, directory);
           });
}

rows_in_rdbs look_for(runtime& host, const cluster_config& config,
                      const std::string& directory,
                      const persistence::hdb_manifest& written,
                      const meant_rows& meant) {
  rows_in_rdbs out;
  for (const auto& table : config.tables) {
    const auto& name = table.schema.name;
    if ((!meant.table.empty() && meant.table != name)
        || !is_written(config, directory, name))
      continue;
    auto more = look_into_rdbs(
      host, config, table,
      written.cutover(table.stream, name).value_or(position{}),
      [&](const std::string& rdb) { return may_write(config, directory, rdb); },
      meant.is_meant, meant.choice ? &*meant.choice : nullptr);
    std::move(more.rows.begin(), more.rows.end(), std::back_inserter(out.rows));
    for (auto& each : more.unasked)
      if (std::find(out.unasked.begin(), out.unasked.end(), each)
          == out.unasked.end())
        out.unasked.push_back(std::move(each));
  }
  return out;
}

} // namespace

rows_in_rdbs rows_beside(const std::optional<cluster_config>& config,
                         const std::string& directory,
                         const persistence::hdb_manifest& manifest,
                         const meant_rows& meant) {
  if (!config)
    return {};
  auto host = small_runtime(*config);
  return host ? look_for(**host, *config, directory, manifest, meant)
              : rows_in_rdbs{{}, {host.failure().context}};
}

void served_report::tell_left(const std::string& fate) const {
  for (const auto& line : lines_of(left, fate))
    fmt::print(stderr, "{}\n", line);
}

int served_report::exit_code() const {
  return left.rows.empty() ? exit_code_of(lacks)
                           : static_cast<int>(exit_negative);
}

std::optional<persistence::table_roll>
rule_of(const std::optional<cluster_config>& config,
        const std::string& directory, const std::string& table) {
  const auto* declared = config ? config->table(table) : nullptr;
  if (declared == nullptr)
    return std::nullopt;
  if (!has_home(*config, directory, table))
    return std::nullopt;
  return persistence::table_roll{table, declared->schema.roll_zone,
                                 declared->schema.roll_offset_ns};
}

served_report wait_served(const std::optional<cluster_config>& config,
                          const std::string& directory,
                          const persistence::hdb_manifest& written,
                          const meant_rows& meant) {
  served_report out;
  if (!config)
    return out;
  auto lacks
    = remember_by_hand(persistence::posix_file_system(), *config, directory);
  if (!lacks) {
    out.late = lacks.failure();
    return out;
  }
  out.lacks = *std::move(lacks);
  auto host = small_runtime(*config);
  if (!host) {
    out.late = host.failure();
    return out;
  }
  out.left = look_for(**host, *config, directory, written, meant);
  auto by = await_served(**host, *config, directory,
                         manifest_version{written.version});
  if (by)
    out.by = *std::move(by);
  else
    out.late = by.failure();
  return out;
}

std::string line_of(const served_report& report) {
  if (report.late)
    return {};
  return (report.by ? served_text(*report.by)
                    : "no --config names a cluster: whether an hdb serves it "
                      "is not known")
         + "\n" + lacking_lines(report.lacks);
}

text::json_value json_of(const served_report& report) {
  return report.by ? text::json_value{*report.by} : text::json_value{};
}

} // namespace millrace::nodes
