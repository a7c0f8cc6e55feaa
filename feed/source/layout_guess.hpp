#pragma once

#include <millrace/feed/source/source.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// Of the name of a table or a column.
inline constexpr size_t guessed_name_bytes_max = 64;

/// Of a line: as many as a table has columns, but for one that is constant.
inline constexpr size_t guessed_fields_max = 4'095;

/// A layout that is likely meant, from the start of a file.
struct layout_guess {
  std::string layout; ///< TOML, as `parse_layout` reads it.
  std::string table;  ///< The `[[table]]` of a configuration that it fills.
  /// What only a person can know, such as the zone of the times.
  std::vector<std::string> questions;
};

/// @param head whole lines from the file's begin
/// @param table the name of the table, and the stream that brings its rows
/// `bad_data` when there are no lines, or no field that can be a time.
[[nodiscard]] result<layout_guess>
guess_layout(std::string_view head, const std::string& table,
             const std::string& stream = "market");

/// The `[[table]]` of a configuration with such columns, each "name:type".
/// @param roll_zone empty: the table's own is not said
[[nodiscard]] std::string
table_text(const std::string& name, const std::vector<std::string>& columns,
           const std::string& time, const std::string& symbol,
           const std::string& roll_zone, const std::string& stream = "market");

} // namespace millrace::feed
