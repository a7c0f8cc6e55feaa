#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/persistence/hdb/held_files.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace millrace::persistence {

/// The directory that parts lie in, and what is held of their files.
struct hdb_directory {
  file_system* fs = nullptr;
  std::string path;
  held_files held;
};

/// Rows [begin, end) of a part.
struct row_span {
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// The dictionary of one symbol column of a part, in place.
class part_dictionary final : public symbol_dictionary {
public:
  part_dictionary(std::shared_ptr<const held_file> ends,
                  std::shared_ptr<const held_file> text);

  [[nodiscard]] uint32_t size() const noexcept override {
    return static_cast<uint32_t>(ends_.size());
  }
  [[nodiscard]] std::string_view text(uint32_t code) const noexcept override {
    const auto begin = code == 0 ? 0 : ends_[code - 1];
    const auto end = ends_[code];
    // Zeros may stand for what was lost; that is found out later.
    return end < begin ? std::string_view{}
                       : std::string_view{text_ + begin, end - begin};
  }
  [[nodiscard]] std::optional<uint32_t>
  find(std::string_view symbol) const noexcept override;

  /// @see held_bytes.
  [[nodiscard]] error fault() const;

private:
  std::shared_ptr<const held_file> held_ends_;
  std::shared_ptr<const held_file> held_text_;
  std::span<const uint32_t> ends_;
  const char* text_;
};

/// The files of one part, each brought in when its bytes are asked for. A block
/// of 64 KiB is compared with its checksum the first time that this process
/// reads of it, and what others are found by in it (codes, offsets) with what
/// they lead to. Thread safe.
class hdb_part_data : public std::enable_shared_from_this<hdb_part_data> {
public:
  /// Touches no file.
  hdb_part_data(std::shared_ptr<hdb_directory> directory, hdb_part part,
                table_schema schema);

  [[nodiscard]] const hdb_part& part() const noexcept { return part_; }
  /// The one that it was written with.
  [[nodiscard]] const table_schema& schema() const noexcept { return schema_; }

  [[nodiscard]] result<std::shared_ptr<const part_dictionary>>
  dictionary(size_t column);
  /// Those of all rows; readable while the file is held.
  [[nodiscard]] result<std::shared_ptr<const held_file>> ranges();
  [[nodiscard]] result<segment_values> values(size_t column, row_span rows);
  [[nodiscard]] result<segment_values> order(row_span rows);

  /// Values of a column as another type that it widens to. They are made for
  /// this call, and go with what holds them.
  [[nodiscard]] result<segment_values> convert(size_t column, column_type to,
                                               row_span rows);

private:
  struct file_state {
    held_slot slot;
    /// By block; nullptr until the first is looked at. Under slot.mutex, the
    /// flags are not.
    std::unique_ptr<std::atomic<uint8_t>[]> verified;
  };
  /// What is asked of a file: bytes [begin, end) of all.
  struct byte_span {
    uint64_t begin = 0;
    uint64_t end = ~uint64_t{0};
  };
  enum class content { plain, codes, ends };

  /// Number of a file in the part; `corrupt` unless it has `bytes`, if asked.
  [[nodiscard]] result<size_t> find(const std::string& name,
                                    std::optional<uint64_t> bytes = {}) const;
  /// The file with these bytes verified. `entries`: what codes stay below, or
  /// ends do not pass.
  [[nodiscard]] result<std::shared_ptr<const held_file>>
  read(size_t file, byte_span wanted, content what = content::plain,
       uint64_t entries = 0);
  [[nodiscard]] result<std::shared_ptr<const held_file>> hold(size_t file);
  [[nodiscard]] error verify(size_t file, const held_file& held,
                             byte_span wanted, content what, uint64_t entries);
  [[nodiscard]] error verify_block(size_t file,
                                   std::span<const std::byte> bytes,
                                   uint64_t block, uint64_t block_bytes);
  /// Sums of the file's blocks; empty: there is one block, the whole file.
  [[nodiscard]] const std::vector<uint64_t>& sums_of(size_t file);
  [[nodiscard]] error missing(const error& fault) const;
  [[nodiscard]] error corrupt(const std::string& name,
                              const std::string& what) const;
  [[nodiscard]] std::string path_of(const std::string& name) const;

  std::shared_ptr<hdb_directory> directory_;
  hdb_part part_;
  table_schema schema_;
  std::vector<file_state> files_; ///< As part_.files.
  /// By name, when there are too many to look through.
  std::unordered_map<std::string_view, size_t> numbers_;
  std::atomic<bool> ranges_checked_{false};
  std::once_flag sums_once_;
  std::vector<std::vector<uint64_t>> sums_; ///< As part_.files.
};

} // namespace millrace::persistence
