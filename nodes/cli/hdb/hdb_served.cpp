#include <millrace/nodes/assembly/changed_by_hand.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/lacking.hpp>
#include <millrace/nodes/cli/hdb/hdb_served.hpp>
#include <millrace/nodes/client/await_served.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <filesystem>

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

std::optional<persistence::table_roll>
rule_of(const std::optional<cluster_config>& config,
        const std::string& directory, const std::string& table) {
  const auto* declared = config ? config->table(table) : nullptr;
  if (declared == nullptr)
    return std::nullopt;
  const auto home = config->home_of(table);
  std::error_code unknown;
  if (home != directory
      && !std::filesystem::equivalent(home, directory, unknown))
    return std::nullopt;
  return persistence::table_roll{table, declared->schema.roll_zone,
                                 declared->schema.roll_offset_ns};
}

served_report wait_served(const std::optional<cluster_config>& config,
                          const std::string& directory, uint64_t version) {
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
  auto by = await_served(**host, *config, directory, version);
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
