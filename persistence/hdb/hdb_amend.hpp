#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/hdb/table_rolls.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace millrace::persistence {

/// A value that takes the place of others.
struct amended_value {
  size_t column = 0; ///< Of the table's newest schema.
  /// As it lies in memory; of a symbol or string: its text.
  std::string bytes;
};

/// What is to become of rows that were written down.
struct hdb_amendment {
  std::string table;
  /// Says which rows of a part are meant, ascending; none: no row is, and all
  /// that is done is that rows move home.
  std::function<result<std::vector<uint32_t>>(const table_view&)> choose;
  bool removes = false; ///< Those rows; else they get `values`.
  std::vector<amended_value> values;
  std::string text; ///< For the ledger: what is done.
  /// By which rows go to their dates; none: by that of the newest declaration
  /// that the manifest has.
  std::optional<table_roll> rule{};
};

struct amend_report {
  uint64_t rows_removed = 0;
  uint64_t rows_changed = 0;
  uint64_t rows_moved = 0;          ///< To the partition of their own date.
  uint64_t ranges = 0;              ///< That were written anew.
  std::set<std::string> partitions; ///< That these are of, or moved to.
  /// Why nothing was done; all else says what landed. After `storage_failed` or
  /// `no_space` of the last step, see hdb_writer, that is not known.
  error fault;
};

/// How an amendment is carried out.
struct amend_course {
  bool applies = true; ///< False: nothing is written, all is counted.
  /// Runs jobs, and gives the first error.
  std::function<error(std::vector<std::function<error()>>)> run;
  /// Called after each range with how many were looked at, and how many there
  /// are.
  std::function<void(size_t done, size_t all)> progress{};
};

/// Carries an amendment out: of each range the parts of a partition that has a
/// row that is meant are written anew; where rows change their time, or one
/// lies in the partition of another date, all parts of the range are, each row
/// to the partition of its own date. Once all are written they take the place
/// of those that are there, in one step. A crash leaves all as it was, or as it
/// is to be, and so does a part that cannot be read or written: the next writer
/// removes what was written for others. What is not written anew is not read
/// beyond what `choose` looks at. Holds the rows of a range in memory.
[[nodiscard]] amend_report amend(hdb_writer& writer, const hdb_amendment& what,
                                 const amend_course& how);

} // namespace millrace::persistence
