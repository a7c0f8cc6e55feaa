#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::persistence {

/// XXH3-64, the checksum of hdb files.
[[nodiscard]] uint64_t xxh3_of(std::span<const std::byte> bytes) noexcept;

/// A file that was written, and the sums of its blocks if it has several.
struct written_file {
  hdb_file facts;
  std::vector<uint64_t> blocks;
};

/// A new file written from front to back, with its checksums. One owner.
class column_file {
public:
  /// Whole blocks.
  static constexpr size_t buffer_bytes = size_t{1} << 20;

  /// `already_exists` when the file is there.
  [[nodiscard]] static result<std::unique_ptr<column_file>>
  create(file_system& fs, const std::string& directory, std::string name);
  ~column_file();

  /// Room for values: fill a front part of it, then `written` with its bytes.
  [[nodiscard]] std::span<std::byte> room() noexcept {
    return {buffer_.get() + used_, buffer_bytes - used_};
  }
  [[nodiscard]] error written(size_t bytes);

  [[nodiscard]] error append(std::span<const std::byte> bytes);
  /// Writes what is left and syncs the file.
  [[nodiscard]] result<written_file> finish();

private:
  struct hash_state;
  column_file(std::unique_ptr<file> out, std::string name);
  [[nodiscard]] error flush();

  std::unique_ptr<file> out_;
  hdb_file facts_;
  std::vector<uint64_t> blocks_;
  /// Not filled: most files of many small parts use little of it.
  std::unique_ptr<std::byte[]> buffer_;
  size_t used_ = 0;
  std::unique_ptr<hash_state> hash_;
};

} // namespace millrace::persistence
