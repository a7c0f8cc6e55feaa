#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/table/columns.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace millrace::query {

enum class result_format {
  table, ///< Aligned columns for people, with a line of names.
  csv,   ///< RFC 4180: a header, quoted where needed; null: an empty field.
  json,  ///< An array of objects, one per line; docs/getdata.md has the types.
};

/// Takes the next piece of text; an error ends the writing.
using text_sink = std::function<error(std::string_view)>;

/// Writes a result in pieces of about 64 KiB, never as one string.
/// @returns the sink's first error.
[[nodiscard]] error write_result(const table_data& table, result_format format,
                                 const text_sink& sink);

/// As one string: for tests and small answers.
[[nodiscard]] std::string to_text(const table_data& table,
                                  result_format format);

/// Text of one cell as CSV and tables show it; "" for null.
void append_cell(std::string& out, const column_data& column, size_t row);

} // namespace millrace::query
