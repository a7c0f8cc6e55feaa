#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/exchange/export_target.hpp>
#include <millrace/persistence/exchange/ordered_rows.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

// kdb_export.cpp and parquet_export.cpp have the formats.

namespace millrace::persistence {

/// What of an hdb is exported.
struct export_choice {
  std::set<std::string> tables;  ///< Empty: all.
  std::optional<int32_t> from{}; ///< Days since 2000.01.01, both ends included.
  std::optional<int32_t> to{};
};

/// Parts of each table, by date.
using export_plan
  = std::map<std::string, std::map<int32_t, std::vector<const hdb_part*>>>;

/// `not_found` names a table that is not there, or says that nothing is chosen.
[[nodiscard]] result<export_plan> plan_export(const hdb_snapshot& snapshot,
                                              const export_choice& choice);

/// How far an export has come. Of its owner's thread only.
struct export_progress {
  uint64_t rows = 0;
  uint64_t rows_all = 0;
  uint64_t files = 0;
  uint64_t bytes = 0;
  std::map<std::string, uint64_t> rows_of{};       ///< By table.
  std::map<std::string, uint64_t> partitions_of{}; ///< By table.
  bool took_over = false; ///< What a killed export left was removed.
  /// Called after each piece; a fault ends the export.
  std::function<error()> step{};
};

/// `unsupported` when the table has a column of the partition's name, `date`.
[[nodiscard]] error check_export(const table_schema& schema);

/// Writes the rows of a plan as a database of kdb+, partitioned by date: every
/// table in each of its dates, symbols enumerated in one file `sym`, ascending,
/// columns as they are, not compressed, readable by q since 3.0. Nothing is
/// visible before all of it is. `unsupported` names what q could not hold.
[[nodiscard]] error export_kdb(file_system& fs, const std::string& path,
                               std::shared_ptr<const hdb_snapshot> snapshot,
                               const export_plan& plan,
                               export_progress& progress);

/// Writes them as Parquet, `<table>/date=<date>/part-00000.parquet`, ordered by
/// symbol and time, in groups of 1 Mi rows, compressed by Zstandard. Nothing is
/// visible before all of it is.
[[nodiscard]] error
export_parquet(file_system& fs, const std::string& path,
               const std::shared_ptr<const hdb_snapshot>& snapshot,
               const export_plan& plan, export_progress& progress);

} // namespace millrace::persistence
