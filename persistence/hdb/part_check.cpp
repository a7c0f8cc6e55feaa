#include <millrace/messages/text/listed.hpp>
#include <millrace/persistence/hdb/block_sums_internal.hpp>
#include <millrace/persistence/hdb/column_file_internal.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace::persistence {

namespace {

constexpr size_t read_bytes = 16 * sums_block_bytes;

std::string block_text(uint64_t block, uint64_t bytes) {
  const auto begin = block * sums_block_bytes;
  return std::to_string(begin) + " to "
         + std::to_string(std::min(begin + sums_block_bytes, bytes));
}

/// What is wrong with the content of a file; empty when nothing is.
/// @param sums of its blocks; empty: there are none.
std::string check_content(file& in, const hdb_file& facts,
                          std::span<const uint64_t> sums) {
  const auto size = in.size();
  if (!size)
    return size.failure().context;
  if (*size != facts.bytes)
    return std::to_string(*size) + " bytes, the manifest says "
           + std::to_string(facts.bytes);
  XXH3_state_t whole;
  XXH3_64bits_reset(&whole);
  std::vector<std::byte> buffer;
  std::string damaged;
  for (uint64_t at = 0; at < facts.bytes; at += buffer.size()) {
    buffer.resize(std::min<uint64_t>(read_bytes, facts.bytes - at));
    const auto got = in.read_at(at, buffer);
    if (!got)
      return got.failure().context;
    if (*got != buffer.size())
      return "cut short while it was read";
    XXH3_64bits_update(&whole, buffer.data(), buffer.size());
    for (size_t begin = 0; begin < buffer.size() && !sums.empty();
         begin += sums_block_bytes) {
      const auto block = (at + begin) / sums_block_bytes;
      const auto bytes = std::span<const std::byte>{buffer}.subspan(
        begin, std::min<size_t>(sums_block_bytes, buffer.size() - begin));
      if (xxh3_of(bytes) != sums[block])
        text::add_to_list(damaged, block_text(block, facts.bytes));
    }
  }
  if (!damaged.empty())
    return "the checksum of bytes " + damaged + " differs";
  if (XXH3_64bits_digest(&whole) != facts.checksum)
    return "the checksum differs";
  return {};
}

} // namespace

std::vector<hdb_damage> check_part(file_system& fs,
                                   const std::string& directory,
                                   const hdb_part& part) {
  std::vector<hdb_damage> out;
  block_sums sums(part.files.size());
  const auto path = directory + "/" + part.path() + "/";
  if (const auto* facts = part.file(sums_file_name))
    // Damaged sums are told below, as the file that they are.
    if (const auto bytes = read_file(fs, path + facts->name, facts->bytes);
        bytes && xxh3_of(*bytes) == facts->checksum)
      if (auto found = decode_block_sums(*bytes, part.files))
        sums = *std::move(found);
  for (size_t i = 0; i < part.files.size(); ++i) {
    const auto name = path + part.files[i].name;
    auto opened = fs.open(name, open_mode::read);
    auto reason = !opened ? opened.failure().code == errc::not_found
                              ? "missing"
                              : opened.failure().context
                          : check_content(**opened, part.files[i], sums[i]);
    if (!reason.empty())
      out.push_back({name, std::move(reason)});
  }
  return out;
}

} // namespace millrace::persistence
