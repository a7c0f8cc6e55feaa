#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/column_file_internal.hpp>
#include <millrace/persistence/hdb/partition_sort_internal.hpp>

#include <string>
#include <vector>

namespace millrace::persistence {

/// What was written of one column, or of the rows' order and ranges.
struct written_files {
  std::vector<written_file> files;
  zone_map zone;
};

/// What a part cannot hold: more than 4 GiB of text in one column.
[[nodiscard]] error too_much_text(const table_schema& schema, size_t column);

/// Writes one column in the given order to `directory`, and syncs it:
/// `<column>`, and `<column>.ends` and `.text` for a symbol's dictionary, or
/// `<column>.text` for strings.
[[nodiscard]] result<written_files> write_column(file_system& fs,
                                                 const std::string& directory,
                                                 const table_view& view,
                                                 const partition_order& order,
                                                 size_t column);

/// Writes `.sums` of files that were written, when one of them has several
/// blocks.
[[nodiscard]] result<written_files>
write_sums(file_system& fs, const std::string& directory,
           const std::vector<written_files>& written);

/// Writes `.order` (uint32 stream order per row) and `.ranges` (symbol_range).
[[nodiscard]] result<written_files>
write_row_files(file_system& fs, const std::string& directory,
                const partition_order& order);

} // namespace millrace::persistence
