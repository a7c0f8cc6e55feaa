#pragma once

#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/source.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// What a reader has delivered so far.
struct reader_counters {
  uint64_t rows = 0;
  uint64_t rejects = 0;     ///< Lines that gave no row.
  uint64_t backwards = 0;   ///< Rows earlier than the row before them; kept.
  uint64_t passed_over = 0; ///< Lines: see source_report.
  uint64_t stamped = 0;     ///< Rows that got the time of their publishing.
  /// Progress: bytes of plain and gzip files as they lie on the disk, of zip
  /// members as text.
  uint64_t bytes = 0;
  uint64_t total_bytes = 0;
};

/// A part of a source that is read; valid for the call.
struct text_read {
  const std::string& source; ///< See rejected_line.
  const line_reading& reading;
  uint64_t offset = 0;   ///< Of `text`, uncompressed.
  bool is_first = false; ///< Reading begins here.
  bool resumed = false;  ///< After rows that stand in it as they did.
  std::string_view text; ///< Whole lines, but for one that is too long.
};

struct reader_options {
  feed::layout layout;
  table_schema schema;            ///< The table's; batches fit it.
  std::vector<std::string> files; ///< Read one after the other.
  /// Days since 2000.01.01, for times without a date; none: from the file's
  /// name, as the layout says.
  std::optional<int32_t> date;
  std::string symbol; ///< {symbol} in the layout.
  /// The time of publishing of rows without one, ns since 2000.01.01 UTC. None:
  /// they are rejected.
  std::function<int64_t()> now;
  /// What was published before: at most one cursor per source (the last).
  /// Reading goes on after it; a source without a cursor is read whole.
  std::vector<source_cursor> resume;
  /// Sources are known by their whole text instead of their path, and read once
  /// more for it, before the first row: for cursors that are kept without a
  /// hash of the text. Pipes are `unsupported` then.
  bool named_by_text = false;
  /// Reads whatever was published, also a text that another source began with.
  bool again = false;
  /// Goes on after what was published of such a text, which is refused else.
  bool go_on = false;
  /// A reject file, whose lines are read instead of files: each as a line of
  /// the file that it names. Empty: none.
  std::string only_rejects;
  std::string feed; ///< Whose cursors `resume` are, for lines of reject files.
  source_choice choice;
  /// Ends what is followed, and waits for a pipe. Never none.
  std::shared_ptr<const std::atomic<bool>> stop
    = std::make_shared<const std::atomic<bool>>(false);
  batch_limits limits;
  uint32_t line_bytes_max = line_bytes_max_default;
  /// Parse on so many threads: the caller's, and jobs of env.pool. The batches
  /// are the same with every number.
  uint32_t threads = 1;
  /// So many rejects of a source without any row end the reading: the layout
  /// is wrong.
  uint64_t first_rejects_max = 1'000;
  /// Told what is read of files, before the rows and rejects of it; not of
  /// pipes. None: nobody asks.
  std::function<error(const text_read&)> reads;
  reject_sink rejects; ///< None: rejects are only counted.
};

/// Reads text files into encoded table batches, in the order of the files. A
/// file that is named twice is `invalid_argument`; one that begins with what
/// was read of another by `resume`, or is the same as one before it, is
/// `already_exists`, when the same rows would be made of it.
/// Owner: one thread. Movable.
class reader {
public:
  /// Opens every file once, so that a missing or unreadable one is told before
  /// the first row. `outside` outlives the reader.
  static result<reader> open(persistence::env& outside, reader_options options);

  reader(reader&&) noexcept;
  reader& operator=(reader&&) noexcept;
  ~reader();

  /// The next batch; none when all files are read. Rejected lines that stand
  /// before the batch's end have reached the sink when it returns. Rows before
  /// a fault (a damaged archive, a full reject disk) are delivered first;
  /// afterwards every call returns the same fault.
  result<std::optional<parsed_batch>> next();
  /// Whether `next` gave no batch because none is there yet: ask again.
  [[nodiscard]] bool waiting() const noexcept;

  [[nodiscard]] const reader_counters& counters() const noexcept;
  /// Of each source, in the order of reading, as far as it was read.
  [[nodiscard]] const std::vector<source_report>& reports() const noexcept;
  /// Of lines of a reject file: the names that their sources have in cursors,
  /// in the order of reading. An empty one gives no row.
  [[nodiscard]] const std::vector<std::string>& reject_names() const noexcept;

private:
  struct state;
  explicit reader(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

} // namespace millrace::feed
