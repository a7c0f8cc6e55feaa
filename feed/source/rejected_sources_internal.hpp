#pragma once

#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/source.hpp>

#include <vector>

namespace millrace::feed {

class text_start;

/// What `options.only_rejects` holds: one source per file and reading that it
/// names, in the order of its lines. `invalid_argument` when a line was read
/// with another table, date or symbol than the options say.
[[nodiscard]] result<std::vector<source_info>>
list_rejects(persistence::file_system& fs, const reader_options& options);

/// Date and symbol that rows of the source are made with: as `options` say, but
/// for rejected lines that bring their own.
struct said_of_source {
  std::optional<int32_t> date;
  std::string symbol;
};
[[nodiscard]] said_of_source said_of(const source_info& info,
                                     const reader_options& options);

/// Whether rejected lines were read with the date and symbol that are said now,
/// and were not when they were rejected, under whatever name their text was
/// read: `already_exists`.
/// @param text begun
[[nodiscard]] error check_unread(text_start& text);

/// Whether rejected lines are read under the header that they were read under.
/// @param now of the file, or none where the layout has none
[[nodiscard]] error check_header(const source_info& info,
                                 const std::optional<std::string>& now);

} // namespace millrace::feed
