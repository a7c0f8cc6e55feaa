#pragma once

#include <millrace/messages/base/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::text {

/// Appends a field, quoted as in RFC 4180 where it must be.
void append_csv_field(std::string& out, std::string_view field);

enum class csv_fault : uint8_t {
  none,
  open_quote,  ///< A quoted field does not end.
  after_quote, ///< Text between a closing quote and the delimiter.
};

/// Appends the field of `record` that begins at `at` to `out`, without its
/// quotes, and moves `at` to the delimiter after it, or to the end. Inline,
/// since feeds read files with it.
inline csv_fault take_csv_field(std::string_view record, char delimiter,
                                size_t& at, std::string& out) {
  if (at == record.size() || record[at] != '"') {
    const auto end = std::min(record.find(delimiter, at), record.size());
    out += record.substr(at, end - at);
    at = end;
    return csv_fault::none;
  }
  for (++at;; ++at) {
    if (at == record.size())
      return csv_fault::open_quote;
    if (record[at] == '"') {
      ++at;
      if (at == record.size() || record[at] != '"')
        break;
    }
    out += record[at];
  }
  return at == record.size() || record[at] == delimiter
           ? csv_fault::none
           : csv_fault::after_quote;
}

/// The newline that ends the record which begins at `begin`, outside of
/// quotes; npos: none does.
[[nodiscard]] size_t find_record_end(std::string_view text, size_t begin,
                                     char delimiter = ',') noexcept;

/// A mark of the byte order, with which programs of Windows begin a file, is
/// no part of its text.
[[nodiscard]] constexpr std::string_view
without_byte_order_mark(std::string_view text) noexcept {
  return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
}

/// The fields of one record; quoted ones may hold newlines.
/// `bad_data` when a quoted field does not end, or text follows its end.
[[nodiscard]] result<std::vector<std::string>>
split_csv_line(std::string_view line, char delimiter = ',');

} // namespace millrace::text
