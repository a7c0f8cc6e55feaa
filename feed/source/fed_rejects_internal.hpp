#pragma once

#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/reader.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace millrace::feed {

// What is published of a reject file leaves it at the end of the reading, and a
// reading may be interrupted before. So each line carries a mark from before
// the first row until then (see feeding_mark): with the cursor of the reading
// it tells whether the line was published, also when its text, other lines or
// the layout have been mended in between.

/// The lines that are to be fed, without marks.
struct settled_rejects {
  std::vector<rejected_line> lines;
  uint64_t published = 0; ///< Lines that an interrupted reading published.
};

/// What `options.only_rejects` holds but for lines that an interrupted reading
/// published, as `options.resume` tells. `invalid_argument` when it is being
/// fed as another feed, of which that is not known; `bad_data` as read_rejects.
[[nodiscard]] result<settled_rejects>
settle_rejects(persistence::file_system& fs, const reader_options& options);

/// By which lines of a reject file are read as one source.
[[nodiscard]] std::string reading_key(const rejected_line& line);

/// Marks each line that is read; those that are known in part are not.
/// @param names of the sources, in the order of list_rejects; empty: it gives
/// no row
/// @returns the sources of the marks
std::set<uint64_t> mark_rejects(std::vector<rejected_line>& lines,
                                const std::vector<std::string>& names,
                                const std::string& feed);

/// What is left of the lines when the reading of these sources is over: what
/// was marked and gave a row leaves them.
[[nodiscard]] std::vector<rejected_line>
without_fed(std::vector<rejected_line> lines,
            const std::set<uint64_t>& sources);

} // namespace millrace::feed
