#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/options.hpp>
#include <millrace/nodes/client/rows_in_rdbs.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/persistence/hdb/table_rolls.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// Declares the `--config` of a command that changes a database.
void declare_server(option_list& list, std::string& path);

/// Whose hdbs may serve the database: the cluster of `--config`, or of
/// $MILLRACE_CONFIG; none when neither names one.
[[nodiscard]] result<std::optional<cluster_config>>
server_of(const std::string& path);

/// The rule by which the cluster gives the table's rows to their dates today;
/// none: it has no such table there.
[[nodiscard]] std::optional<persistence::table_roll>
rule_of(const std::optional<cluster_config>& config,
        const std::string& directory, const std::string& table);

/// Who serves what was written.
struct served_report {
  /// None: no cluster was named, so it is not known.
  std::optional<std::vector<std::string>> by;
  error late; ///< One does not yet, or could not be asked.
  /// What was done by hand before and the database lacks: it is another one,
  /// and what was written is in that one alone.
  std::vector<std::string> lacks;
  /// Rows that were meant, and are not in the database yet.
  rows_in_rdbs left;

  /// For people, beside the line of who serves it: `left`.
  void tell_left(const std::string& fate) const;
  /// When nothing is `late`: 1 when there are `lacks`, or rows are `left`. That
  /// an rdb does not run is told, and no more.
  [[nodiscard]] int exit_code() const;
};

/// The rows that were meant.
struct meant_rows {
  std::string table; ///< Empty: of all tables whose home the database is.
  /// By date, days since 2000.01.01.
  std::function<bool(int64_t)> is_meant = [](int64_t) { return true; };
  std::optional<query::logical_plan> choice{}; ///< None: all.
};

/// Waits for the hdbs of a cluster, see `await_served`, and looks for rows that
/// were meant in its rdbs.
/// @param written what was written: by now a period may have ended, whose rows
///   it did not meet
[[nodiscard]] served_report
wait_served(const std::optional<cluster_config>& config,
            const std::string& directory,
            const persistence::hdb_manifest& written, const meant_rows& meant);

/// Rows that are meant, and are in rdbs of a cluster; none without one.
[[nodiscard]] rows_in_rdbs
rows_beside(const std::optional<cluster_config>& config,
            const std::string& directory,
            const persistence::hdb_manifest& manifest, const meant_rows& meant);

/// A line for people; empty when `late` says it.
[[nodiscard]] std::string line_of(const served_report& report);
/// A list of names; null when it is not known.
[[nodiscard]] text::json_value json_of(const served_report& report);

} // namespace millrace::nodes
