#pragma once

#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/lines/line_format.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// Turns lines into rows of a table. Columns that a line does not name are
/// null, but for the time: a row without one would be found by no query. What
/// files may not hold, lines may not: NUL, text that is not UTF-8, a number
/// that does not fit its column. Owner: one thread.
class row_reader {
public:
  /// @param stamps gives a row without a time the time of its reading; such a
  ///   row is refused otherwise.
  row_reader(table_schema schema, line_format format, bool stamps);

  /// Adds the row of one line; the header line of CSV adds none. `bad_data`
  /// names the column; nothing of the line is kept then.
  /// @param now_ns since 2000.01.01 UTC
  [[nodiscard]] error add(std::string_view line, int64_t now_ns);

  [[nodiscard]] uint32_t row_count() const noexcept {
    return builder_.row_count();
  }
  [[nodiscard]] size_t byte_count() const noexcept {
    return builder_.byte_count();
  }
  /// The rows so far as a batch; the reader is empty then.
  [[nodiscard]] std::vector<std::byte> take();

private:
  error add_json(std::string_view line, int64_t now_ns);
  error add_csv(std::string_view line, int64_t now_ns);
  error add_row(std::vector<query::literal> values, int64_t now_ns);

  batch_builder builder_;
  bool stamps_;
  line_format format_;
  /// CSV: the column of each field, once the header was read.
  std::optional<std::vector<size_t>> header_;
};

/// A batch's rows as a table that owns its memory, ready for writing.
[[nodiscard]] query::table_data to_table(const batch_view& batch);

/// A value per row; none when there is no such column of timestamps.
[[nodiscard]] std::span<const int64_t> row_times(const query::table_data& table,
                                                 const std::string& column);

/// The rows of a table as JSON objects.
[[nodiscard]] std::vector<std::string>
json_rows(const query::table_data& table);

} // namespace millrace::nodes
