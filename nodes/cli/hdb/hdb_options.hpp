#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/nodes/cli/hdb/amend_options.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace millrace::nodes {

/// Where all commands below `hdb` look, at what, and how they print.
struct hdb_options {
  std::string directory;
  std::string table;     ///< Empty: all.
  std::string partition; ///< Empty: all.
  output_format output = output_format::table;

  /// Declares `DIRECTORY`, `--table`, `--partition` and `--output`.
  static void declare(option_list& list, hdb_options& into);

  [[nodiscard]] bool chooses(const std::string& of_table,
                             const std::string& of_partition) const {
    return (table.empty() || of_table == table)
           && (partition.empty() || of_partition == partition);
  }
  /// Parts of the ledger are none of the database's.
  [[nodiscard]] bool chooses(const persistence::hdb_part& part) const {
    return !persistence::is_ledger_entry(part)
           && chooses(part.table, part.partition);
  }
};

/// Declares `DIRECTORY`: what is not one of a historical database is refused.
void declare_database(option_list& list, std::string& directory);

struct hdb_drop_options {
  hdb_options where;
  std::optional<int32_t> before; ///< Days since 2000.01.01.
  std::string why;
  bool by_name = false; ///< Whatever dates the rows are of.
  bool dry = false;
  std::string config; ///< Of the cluster that serves it; empty: none.
};

struct hdb_reindex_options {
  std::string directory;
  std::string index;
  output_format output = output_format::table;
};

struct hdb_export_options {
  std::string directory;
  std::string kdb;     ///< Where to, as a database of kdb+; or
  std::string parquet; ///< as files of Parquet.
  std::set<std::string> tables;
  std::optional<int32_t> from; ///< Days since 2000.01.01.
  std::optional<int32_t> to;
  output_format output = output_format::table;
};

/// What is wrong with what was chosen: `not_found` names a table or partition
/// that the database has not.
[[nodiscard]] error check_choice(const hdb_options& options,
                                 const persistence::hdb_manifest& manifest);

/// The newest declaration of each table that a database has, by name.
/// @param table of this one alone; empty: of all
[[nodiscard]] std::map<std::string, table_schema>
newest_tables(const persistence::hdb_manifest& manifest,
              const std::string& table);

/// Bytes of the files of a part.
[[nodiscard]] uint64_t bytes_of(const persistence::hdb_part& part) noexcept;

// In ls.cpp, du.cpp, check.cpp, ledger.cpp, amend.cpp, drop.cpp, reindex.cpp,
// export.cpp.
extern const command<hdb_options> hdb_ls_command;
extern const command<hdb_options> hdb_du_command;
extern const command<hdb_options> hdb_check_command;
extern const command<hdb_options> hdb_ledger_command;
extern const command<amend_options> hdb_amend_command;
extern const command<hdb_drop_options> hdb_drop_command;
extern const command<hdb_reindex_options> hdb_reindex_command;
extern const command<hdb_export_options> hdb_export_command;

} // namespace millrace::nodes
