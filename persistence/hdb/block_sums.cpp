#include <millrace/persistence/hdb/block_sums_internal.hpp>

#include <cstring>

namespace millrace::persistence {

namespace {

struct sums_head {
  char magic[8] = {'M', 'R', 'S', 'U', 'M', 'S', 0, 1};
  uint64_t block_bytes = sums_block_bytes;
};

} // namespace

std::vector<std::byte> encode(const block_sums& sums) {
  const sums_head head;
  std::vector<std::byte> out(sizeof head);
  std::memcpy(out.data(), &head, sizeof head);
  for (const auto& file : sums) {
    const auto bytes = std::as_bytes(std::span{file});
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

result<block_sums> decode_block_sums(std::span<const std::byte> bytes,
                                     std::span<const hdb_file> files) {
  const sums_head head;
  if (bytes.size() < sizeof head
      || std::memcmp(bytes.data(), &head, sizeof head) != 0)
    return error{errc::corrupt, "it does not begin as sums of blocks"};
  bytes = bytes.subspan(sizeof head);
  block_sums out;
  for (const auto& file : files) {
    auto& sums = out.emplace_back();
    const auto count = block_count(file.bytes);
    if (count < 2 || file.name == sums_file_name)
      continue;
    if (bytes.size() / sizeof(uint64_t) < count)
      return error{errc::corrupt, "sums of '" + file.name + "' are missing"};
    sums.resize(count);
    std::memcpy(sums.data(), bytes.data(), count * sizeof(uint64_t));
    bytes = bytes.subspan(count * sizeof(uint64_t));
  }
  if (!bytes.empty())
    return error{errc::corrupt, "more sums than blocks"};
  return out;
}

} // namespace millrace::persistence
