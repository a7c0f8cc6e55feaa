#pragma once

#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::nodes {

/// Files into the partitions of their rows' own dates, past every stream. How
/// much of a text is there is noted in the hdb's manifest in one step with its
/// rows: a load that was cut off goes on where it stood, and a text that is
/// there is passed over, whatever its file is called. Works beside a running
/// cluster. Blocks. One owner.
class history_load {
public:
  /// Rows that are held in memory and written down together, and their bytes:
  /// whichever comes first. Writing takes as much again.
  static constexpr uint64_t rows_per_write = 4'000'000;
  static constexpr uint64_t bytes_per_write = uint64_t{512} << 20;

  struct options {
    /// Files, layout, table, date and symbol, as of a feed.
    process_config what;
    /// All other rows of the dates of the files' rows go, in one step with the
    /// coming of these, once all files are read.
    bool replaces = false;
    /// They come beside what else their dates have; without this or `replaces`
    /// dates that have rows are refused.
    bool beside = false;
    /// What sources of this load are called, members of archives by their file,
    /// where `source` gives them: their rows of an earlier run, which ended
    /// before it was done, are no other rows.
    std::set<std::string> names{};
    /// All is read and checked, and nothing written; rows() counts what would
    /// be.
    bool dry = false;
    std::string reject_path;
    /// @see history_load::bytes_per_write
    uint64_t bytes_max = bytes_per_write;
    /// What is read instead of files, for the table as it is; none: files.
    std::function<result<std::shared_ptr<feed::batch_source>>(
      const table_schema& schema)>
      source{};
    /// Asked between the pieces of a write, from any thread: the write that is
    /// under way is given up then (`cancelled`); none: never.
    std::function<bool()> stopped{};
  };

  /// Reads the files once, to know their texts; writes nothing. `config` when
  /// the table does not fit the rows that are there, `already_exists` when a
  /// text was loaded otherwise, `locked`, of one that replaces, while another
  /// writes there.
  /// @param counters are added up while it runs
  [[nodiscard]] static result<std::unique_ptr<history_load>>
  open(persistence::env& world, const cluster_config& config, options given,
       std::shared_ptr<feed::batch_source_counters> counters);

  /// Reads one batch; writes when enough are read, and at the end. What was
  /// written counts from its commit on, with that of other files: once per
  /// second at most, since each writes the whole manifest. After a failure what
  /// was written before it stays; `locked`: another writes there;
  /// `already_exists`: dates have rows of another text of this file's name, or
  /// other rows, and nothing said that these may come beside them;
  /// `schema_mismatch`, of one that replaces: partitions, made by another roll
  /// rule, have rows that are replaced and others.
  /// @returns false when all is written.
  [[nodiscard]] result<bool> step();

  /// Committed; of a dry one, read.
  [[nodiscard]] uint64_t rows() const noexcept { return rows_committed_; }
  [[nodiscard]] uint64_t rows_replaced() const noexcept {
    return rows_replaced_;
  }
  /// Of these, those that streams had brought, by partition.
  [[nodiscard]] const std::map<std::string, uint64_t>&
  stream_rows_replaced() const noexcept {
    return stream_rows_replaced_;
  }
  /// Rows that the partitions have now, and this run did not write, by
  /// partition: after a replacement what came since.
  [[nodiscard]] result<std::map<std::string, uint64_t>> rows_beside() const;
  /// Rows that lie elsewhere, and come to the directory later: to a load
  /// without a word for it they are rows that their date has.
  /// @param where whose they are, for messages
  void expect(const std::string& partition, uint64_t row_count,
              const std::string& where) {
    elsewhere_[partition][where] += row_count;
  }
  /// What the directory has of the table under a partition's name, of whatever
  /// source.
  [[nodiscard]] result<uint64_t> rows_of(const std::string& partition) const;
  /// That were there in the partitions before.
  [[nodiscard]] uint64_t rows_before() const noexcept { return rows_before_; }
  /// That rows were written to.
  [[nodiscard]] const std::set<std::string>& partitions() const noexcept {
    return partitions_;
  }
  [[nodiscard]] const std::string& directory() const noexcept {
    return directory_;
  }
  /// Up to where the directory accounts for the table's rows of a stream: what
  /// comes after it is in no partition yet.
  [[nodiscard]] result<position> cutover(const std::string& stream) const;
  /// Of the manifest with these rows, or where they were found already, also
  /// those of a run that died after its commit; 0: there is no database.
  [[nodiscard]] uint64_t version() const noexcept { return version_; }

private:
  /// Where a source stands in the hdb.
  struct standing {
    uint32_t generation = 1; ///< One more each time it is loaded anew.
    source_cursor there;
  };
  using standings = std::map<std::string, standing>; ///< By source.

  history_load(persistence::env& world, table_schema schema,
               std::string directory, bool replaces)
    : env_{&world}, schema_{std::move(schema)},
      directory_{std::move(directory)}, replaces_{replaces} {}

  [[nodiscard]] error read_standings();
  [[nodiscard]] standings
  standings_in(const persistence::hdb_manifest& manifest) const;
  [[nodiscard]] error check_standing(const persistence::hdb_manifest& now);
  [[nodiscard]] error begin_source(const std::string& name);
  [[nodiscard]] error take(const feed::parsed_batch& batch);
  [[nodiscard]] error write();
  [[nodiscard]] result<persistence::written_parts>
  write_rows(persistence::hdb_writer& writer);
  [[nodiscard]] error open_writer();
  [[nodiscard]] error commit(const persistence::emptied_parts& emptied);
  [[nodiscard]] error settle();
  [[nodiscard]] error
  check_replaced(const persistence::written_parts& written) const;
  [[nodiscard]] bool is_own(const std::string& stream) const;
  [[nodiscard]] error
  check_empty(const persistence::written_parts& written) const;
  [[nodiscard]] error replace();
  void count_before(const persistence::hdb_manifest& manifest,
                    const persistence::written_parts& written);
  void clear();

  persistence::env* env_;
  table_schema schema_;
  std::string directory_;
  bool replaces_;
  bool dry_ = false;
  bool beside_ = false;
  std::set<std::string> names_;
  /// By partition, whose rows, and how many.
  std::map<std::string, std::map<std::string, uint64_t>> elsewhere_;
  std::function<bool()> stopped_;
  uint64_t bytes_max_ = bytes_per_write;
  std::shared_ptr<feed::batch_source> from_;
  standings standings_;
  /// Whose rows are not all there any more, and why.
  std::map<std::string, std::string> displaced_;
  std::vector<std::string> read_before_; ///< Sources of this run.
  std::unique_ptr<persistence::memory_store> store_;
  position store_end_;
  source_cursor read_; ///< Of the source whose rows are in `store_`.
  uint64_t rows_held_ = 0;
  std::unique_ptr<persistence::hdb_writer> writer_; ///< While some wait.
  int64_t opened_ns_ = 0;
  persistence::hdb_survey survey_;     ///< Of the last one that is gone.
  persistence::written_parts waiting_; ///< Written, and not committed.
  persistence::hdb_manifest planned_;  ///< With what waits.
  std::set<std::string> partitions_;
  std::set<std::string> streams_; ///< Of this run.
  uint64_t rows_committed_ = 0;
  uint64_t rows_replaced_ = 0;
  std::map<std::string, uint64_t> stream_rows_replaced_;
  uint64_t rows_before_ = 0;
  uint64_t version_ = 0;
};

} // namespace millrace::nodes
