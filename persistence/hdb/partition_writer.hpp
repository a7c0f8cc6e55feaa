#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::persistence {

/// Rows of one stream that become partitions: those of messages that end in
/// (from, to].
struct period_request {
  std::string stream;
  int64_t period = 0;
  /// Directory name, see date_partition_name; all rows are one part. Empty:
  /// each row goes to the partition of its own date.
  std::string partition;
  uint32_t stripe = 0;
  uint32_t stripe_count = 1;
  position from;
  position to;
  /// Tables of which an earlier part of the range is there: where their rows
  /// begin, instead of `from`.
  std::map<std::string, position, std::less<>> begins{};
  /// All tables that the stream has here, also those without a row, but those
  /// that are accounted for: each table's account of the stream is kept by
  /// itself. Views stay pinned until the write is done.
  std::vector<table_view> tables;
  /// The rows are for the place of those that are there of the same range: they
  /// are finished, and not committed (@see hdb_writer::replace). Of one table.
  bool amends = false;
  /// More text than this of one column makes several parts of a date.
  uint64_t text_max = UINT32_MAX;
  /// The date of rows without a time; none: that of the period.
  std::optional<int64_t> undated{};
  /// Not of an amendment: what is known of its stream stays.
  stream_account account{};
};

/// Parts whose files are synced, and their schemas: what a commit takes.
struct written_parts {
  std::vector<hdb_part> parts;
  std::vector<table_schema> schemas;
};

/// Writes the partition of one period in stages of jobs, so that the caller
/// decides on which threads they run:
///
///     auto write = period_write::begin(writer, request);
///     for (auto jobs = write->next_stage(); !jobs.empty();
///          jobs = write->next_stage())
///       run all jobs, in any order or at the same time, keep their errors;
///     write->commit();
///
/// The same rows give the same bytes. Crash points: rdb.after_flush (all files
/// synced), rdb.before_manifest, rdb.after_manifest.
class period_write {
public:
  /// Checks the ranges. `already_exists` and `invalid_argument` as
  /// hdb_manifest::contains has them.
  /// @param planned the manifest as it will be when what was finished before
  ///   is committed; none: the writer's
  [[nodiscard]] static result<std::unique_ptr<period_write>>
  begin(hdb_writer& writer, period_request request,
        const hdb_manifest* planned = nullptr);

  ~period_write(); ///< Removes nothing: the writer's next `open` does.
  period_write(const period_write&) = delete;
  period_write& operator=(const period_write&) = delete;

  /// Jobs that may run at the same time on any threads. Empty: go to commit,
  /// which does nothing when every range was in the manifest already.
  /// @pre all jobs of the stage before have ended without an error.
  [[nodiscard]] std::vector<std::function<error()>> next_stage();

  /// Syncs directories and commits the manifest. On the writer's thread.
  [[nodiscard]] error commit();
  /// The same without the commit, which may come with that of others.
  [[nodiscard]] result<written_parts> finish();

  /// Gives the disk space of a failed write back, before another attempt. Does
  /// nothing once the manifest was touched.
  void abandon();

  /// Rows of all tables.
  [[nodiscard]] uint64_t row_count() const noexcept;

private:
  struct impl;
  explicit period_write(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

} // namespace millrace::persistence
