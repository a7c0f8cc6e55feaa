#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/kdb/kdb_column.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::persistence {

/// A splayed table, or the part of one that lies in a partition.
struct kdb_part {
  /// Of the partition's directory, as "2015.01.07"; with the segment in front
  /// where there are several. Empty: the table is not partitioned.
  std::string partition;
  std::optional<int32_t> date; ///< Of the partition, days since 2000.01.01.
  std::string directory;
};

struct kdb_table {
  std::string name;
  std::vector<kdb_part> parts; ///< Ascending by partition.
};

/// A database of kdb+ as it lies in a directory: splayed tables, tables
/// partitioned by date, month, year or another number, in one place or in the
/// segments that `par.txt` names.
struct kdb_database {
  std::string directory;         ///< Where enumerations have their domains.
  std::vector<kdb_table> tables; ///< By name.
  /// What is there and no table of these, for instance a table in one file.
  std::vector<std::string> passed_over;

  [[nodiscard]] const kdb_table* table(const std::string& name) const noexcept;
};

/// Looks at names only, but for `par.txt`. The directory of one splayed table
/// is a database of it. `not_found` when no table is there, `unsupported` when
/// partitions are of several kinds.
[[nodiscard]] result<kdb_database> read_kdb_database(file_system& fs,
                                                     const std::string& path);

/// One column of an open part.
struct kdb_named_column {
  std::string name;
  kdb_column column;
};

/// A part with the headers of all its columns read: they have the same number
/// of rows.
struct kdb_open_part {
  uint64_t rows = 0;
  std::vector<kdb_named_column> columns; ///< In the order of `.d`.

  [[nodiscard]] kdb_column* column(const std::string& name) noexcept;
};

/// `corrupt` names the file that does not fit the others.
[[nodiscard]] result<kdb_open_part> open_kdb_part(file_system& fs,
                                                  const kdb_part& part);

} // namespace millrace::persistence
