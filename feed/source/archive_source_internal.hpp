#pragma once

#include <millrace/feed/source/source.hpp>

namespace millrace::feed {

// Zip archives are in archive_source.cpp, packed texts in
// compressed_source.cpp.

/// What `from` holds, unpacked: not zip_member, nor plain. Faults name `label`.
[[nodiscard]] result<std::unique_ptr<source>>
open_compressed(std::unique_ptr<source> from, source_kind kind,
                const std::string& label);

/// What an archive holds beside directories.
struct zip_members {
  std::vector<source_info> read;
  /// Members with hidden names, but for what packers alone write.
  std::vector<std::string> left_out;
};

/// In the order of names.
[[nodiscard]] result<zip_members> list_zip(persistence::file_system& fs,
                                           const std::string& path);
/// The bytes of a member, which may be packed themselves.
[[nodiscard]] result<std::unique_ptr<source>>
open_zip_member(persistence::file_system& fs, const source_info& info);

} // namespace millrace::feed
