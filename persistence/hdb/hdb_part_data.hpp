#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::persistence {

/// The dictionary of one symbol column of a part, in place.
class mapped_dictionary final : public symbol_dictionary {
public:
  mapped_dictionary(std::span<const uint32_t> ends, const char* text)
    : ends_{ends}, text_{text} {}

  [[nodiscard]] uint32_t size() const noexcept override {
    return static_cast<uint32_t>(ends_.size());
  }
  [[nodiscard]] std::string_view text(uint32_t code) const noexcept override {
    const auto begin = code == 0 ? 0 : ends_[code - 1];
    return {text_ + begin, ends_[code] - begin};
  }
  [[nodiscard]] std::optional<uint32_t>
  find(std::string_view symbol) const noexcept override;

private:
  std::span<const uint32_t> ends_;
  const char* text_;
};

/// The mapped files of one part. Thread safe.
class hdb_part_data : public std::enable_shared_from_this<hdb_part_data> {
public:
  /// Maps everything and checks sizes, dictionaries and ranges.
  [[nodiscard]] static result<std::shared_ptr<hdb_part_data>>
  map(file_system& fs, const std::string& directory, const hdb_part& part,
      const table_schema& schema);

  /// The rows as `schema`, a later version or the same, has them: columns that
  /// the part has not are null, narrower ones are converted once.
  [[nodiscard]] table_view view(std::shared_ptr<const table_schema> schema);

  /// Compares every file with its checksum.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> check() const;

private:
  struct part_column {
    column_view values;
    zone_map zone;
    std::unique_ptr<mapped_dictionary> dictionary;
  };
  struct converted {
    std::vector<uint64_t> memory;
    zone_map zone;
  };

  [[nodiscard]] error map_column(size_t column);
  [[nodiscard]] error map_rows();
  [[nodiscard]] error check_small(const std::string& name);
  /// Bytes of a file; `corrupt` unless it has `bytes` of them (if asked).
  [[nodiscard]] result<std::span<const std::byte>>
  bytes_of(const std::string& name, std::optional<uint64_t> bytes = {}) const;
  const converted& convert(size_t column, column_type to);
  [[nodiscard]] error corrupt(const std::string& name,
                              const std::string& what) const;

  hdb_part part_;
  table_schema schema_;
  std::string path_;
  std::map<std::string, std::unique_ptr<mapped_file>> files_;
  std::vector<part_column> columns_;
  std::span<const symbol_range> ranges_;
  const uint32_t* order_ = nullptr;
  std::mutex mutex_;
  std::map<std::pair<size_t, column_type>, std::unique_ptr<converted>>
    converted_; ///< Under mutex_.
};

} // namespace millrace::persistence
