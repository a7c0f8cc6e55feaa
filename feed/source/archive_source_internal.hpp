#pragma once

#include <millrace/feed/source/source.hpp>

namespace millrace::feed {

// Zip archives are in archive_source.cpp, packed texts in
// compressed_source.cpp.

/// Sources inside compressed files; `source.hpp` is the way to them.
[[nodiscard]] result<std::unique_ptr<source>>
open_compressed(persistence::file_system& fs, const source_info& info,
                const std::atomic<bool>& stop);
/// All members but directories and hidden ones.
[[nodiscard]] result<std::vector<source_info>>
list_zip(persistence::file_system& fs, const std::string& path);
[[nodiscard]] result<std::unique_ptr<source>>
open_zip_member(persistence::file_system& fs, const source_info& info);

} // namespace millrace::feed
