#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/query/table/columns.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::sim {

/// A column's value in a row that a test publishes: {"price", 10.0}; `{}` and
/// `nullptr` are null.
struct row_value {
  row_value(std::string of, text::json_value is)
    : column{std::move(of)}, value{std::move(is)} {}
  row_value(std::string of, std::nullptr_t) : column{std::move(of)} {}
  /// A pointer to a text that is not there is refused, by the column's name.
  template <std::same_as<const char*> Text>
  row_value(std::string of, Text is)
    : column{std::move(of)}, is_no_text{is == nullptr} {
    if (is != nullptr)
      value = text::json_value{is};
  }

  std::string column;
  text::json_value value;
  bool is_no_text = false; ///< It was a pointer to none.
};

/// One row, its columns in any order: {{"sym", "A"}, {"size", 1}}. What is not
/// there is null, or the time of the publishing in the table's time column.
using table_row = std::vector<row_value>;

/// A batch of this one row. Symbols, strings and chars are JSON strings, floats
/// numbers, all else is the whole number that the column stores (a timestamp is
/// ns since 2000.01.01 UTC). `schema_mismatch` names what does not fit.
/// @param now_ns wall clock, for the time column
[[nodiscard]] result<std::vector<std::byte>>
encode_row(const table_schema& schema, const table_row& row, int64_t now_ns);

/// A value as JSON, as `encode_row` takes it; null where it is null. Of a guid,
/// which that does not take: its hex digits.
[[nodiscard]] text::json_value value_at(const query::column_data& column,
                                        size_t row);

/// A row as one line, the same for the same values of the table's columns,
/// wherever it was read.
[[nodiscard]] std::string row_text(const table_schema& schema,
                                   const batch_view& batch, size_t row);
[[nodiscard]] std::string row_text(const table_schema& schema,
                                   const query::table_data& rows, size_t row);

/// The same for people, who want no more of a long one than its begin.
[[nodiscard]] std::string shortened(const std::string& row);

/// Shows each table batch of a merged log, in order, with the position after
/// it and its origin. Both views are valid during the call.
[[nodiscard]] error for_each_batch(
  persistence::file_system& fs, const std::string& directory,
  const std::function<void(position, std::string_view, const batch_view&)>&
    show);

} // namespace millrace::sim
