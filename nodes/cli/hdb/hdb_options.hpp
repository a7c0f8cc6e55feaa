#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

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

  [[nodiscard]] bool chooses(const persistence::hdb_part& part) const {
    return (table.empty() || part.table == table)
           && (partition.empty() || part.partition == partition);
  }
};

/// What is wrong with what was chosen: `not_found` names a table or partition
/// that the database has not.
[[nodiscard]] error check_choice(const hdb_options& options,
                                 const persistence::hdb_manifest& manifest);

/// Bytes of the files of a part.
[[nodiscard]] uint64_t bytes_of(const persistence::hdb_part& part) noexcept;

// In ls.cpp, du.cpp and check.cpp.
extern const command<hdb_options> hdb_ls_command;
extern const command<hdb_options> hdb_du_command;
extern const command<hdb_options> hdb_check_command;

} // namespace millrace::nodes
