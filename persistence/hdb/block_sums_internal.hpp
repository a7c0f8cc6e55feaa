#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// The file `.sums` of a part; docs/hdb_format.md is the specification.
namespace millrace::persistence {

inline constexpr const char* sums_file_name = ".sums";
inline constexpr uint64_t sums_block_bytes = 64 * 1024;

/// Blocks of a file.
[[nodiscard]] constexpr uint64_t block_count(uint64_t bytes) noexcept {
  return (bytes + sums_block_bytes - 1) / sums_block_bytes;
}

/// XXH3-64 of each block, by file as the part names them; none for a file of
/// one block, whose sum is the manifest's.
using block_sums = std::vector<std::vector<uint64_t>>;

[[nodiscard]] std::vector<std::byte> encode(const block_sums& sums);
/// `corrupt` when the bytes are not the sums of these files.
[[nodiscard]] result<block_sums>
decode_block_sums(std::span<const std::byte> bytes,
                  std::span<const hdb_file> files);

} // namespace millrace::persistence
