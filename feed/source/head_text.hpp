#pragma once

#include <millrace/feed/source/source.hpp>

#include <string>

namespace millrace::feed {

/// Whole lines from the start of a file, or of the first member of an archive:
/// 256 KiB at most. `bad_data` when it is not text of UTF-8, and when it is of
/// a kind that lines are not, by its name.
[[nodiscard]] result<std::string> read_head(persistence::file_system& fs,
                                            const std::string& path,
                                            const source_choice& choice);

} // namespace millrace::feed
