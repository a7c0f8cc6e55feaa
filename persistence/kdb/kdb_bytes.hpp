#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::persistence {

/// How much a reader says is wrong with a file of kdb+: `corrupt`, with path
/// and byte.
[[nodiscard]] error kdb_damage(const std::string& path, uint64_t byte,
                               const std::string& what);

/// The bytes of a file of kdb+ as q reads them. Those of a compressed one
/// ("kxzipped": by q's own way, gzip, snappy, lz4 or zstd, block by block) are
/// expanded as they are asked for, one block at a time. Nothing of the file is
/// believed before it is checked. One owner.
class kdb_bytes {
public:
  /// `unsupported` for an encrypted file.
  [[nodiscard]] static result<kdb_bytes> open(file_system& fs,
                                              std::string path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Expanded.
  [[nodiscard]] uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool compressed() const noexcept { return block_bytes_ != 0; }

  /// Fills `into` from `offset` of the expanded bytes: `corrupt` beyond their
  /// end, and for a block that does not give what it must.
  [[nodiscard]] error read(uint64_t offset, std::span<std::byte> into);

private:
  struct block {
    uint64_t offset = 0; ///< In the file.
    uint32_t bytes = 0;  ///< There.
    uint32_t algorithm = 0;
  };

  kdb_bytes(std::string path, std::unique_ptr<file> from)
    : path_{std::move(path)}, file_{std::move(from)} {}

  [[nodiscard]] error read_blocks(uint64_t file_bytes);
  [[nodiscard]] error fill(uint64_t offset, std::span<std::byte> into);
  [[nodiscard]] error expand(uint64_t number);

  std::string path_;
  std::unique_ptr<file> file_;
  uint64_t size_ = 0;
  uint64_t block_bytes_ = 0; ///< Expanded; 0: the file is not compressed.
  std::vector<block> blocks_;
  uint64_t held_ = UINT64_MAX; ///< Number of the block that is expanded.
  std::vector<std::byte> expanded_;
};

} // namespace millrace::persistence
