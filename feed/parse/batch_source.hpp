#pragma once

#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::feed {

/// Where the batches of a feed come from. One call at a time, from any thread.
class batch_source {
public:
  virtual ~batch_source() = default;
  /// Called once, with the last cursor published of each source.
  [[nodiscard]] virtual error open(const std::vector<source_cursor>& published)
    = 0;
  /// The next batch; none at the end, or while the source is `waiting`.
  [[nodiscard]] virtual result<std::optional<parsed_batch>> next() = 0;
  /// Whether `next` gave none because none is there yet: ask again later.
  [[nodiscard]] virtual bool waiting() const { return false; }
  /// The period that is to end before the batch that `next` has just given is
  /// published; told once. Sources that follow the world's clock have none.
  [[nodiscard]] virtual std::optional<int64_t> period_over() {
    return std::nullopt;
  }
  /// Called after the last batch: rejects are kept safe here.
  [[nodiscard]] virtual error close() { return {}; }
};

/// What became of the lines of one file, or member of an archive.
struct source_report {
  std::string source; ///< Path of the file, and "#member" in an archive.
  uint64_t rows = 0;
  uint64_t rejects = 0;
  uint64_t passed_over = 0; ///< Lines of JSON of which the layout wants none.
  /// Lines that begin as comments do, and have as many fields as rows.
  uint64_t skipped_rows = 0;
  uint64_t headers = 0; ///< Lines that are its header again.
  /// Texts that stand in quotes which the layout takes for part of them.
  uint64_t in_quotes = 0;
  /// The file and line of the first one, and the reason.
  std::string first_reject;
  /// Its text has no byte; of members of an archive: that of none has one.
  bool empty = false;
  bool resumed = false; ///< Begun after published rows.
  /// Rejects of earlier runs, before the place where this one began, that the
  /// reject file holds.
  uint64_t rejects_before = 0;
  /// Of a reject file: lines that an interrupted reading of it published, as
  /// they were then.
  uint64_t published_before = 0;
  /// Members of its archive that were not read: see source_info.
  std::vector<std::string> left_out;
  /// The last line, printable, when it has no newline; it was taken as it
  /// stood.
  std::string open_line;
  bool open_refused = false; ///< It gave no row, and is read again.
};

/// How far a batch source has come. Its owner adds up, any thread may read.
struct batch_source_counters {
  /// Of files: see reader_counters. Of what is made up: rows.
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> total_bytes{0};
  std::atomic<uint64_t> rejects{0};
  std::atomic<uint64_t> backwards{0};
  std::atomic<uint64_t> passed_over{0}; ///< Lines: see source_report.
  std::atomic<uint64_t> stamped{0};     ///< Rows: see reader_counters.

  /// Set by the owner: what is followed ends where it is.
  std::shared_ptr<std::atomic<bool>> stop
    = std::make_shared<std::atomic<bool>>(false);

  void keep(std::vector<source_report> reports) {
    const std::scoped_lock lock{mutex_};
    reports_ = std::move(reports);
  }
  /// Of each file, when it was read to its end, or as far as it went.
  [[nodiscard]] std::vector<source_report> reports() const {
    const std::scoped_lock lock{mutex_};
    return reports_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<source_report> reports_;
};

} // namespace millrace::feed
