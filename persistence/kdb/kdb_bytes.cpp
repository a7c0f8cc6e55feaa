#include <millrace/messages/data/kdb_expansion.hpp>
#include <millrace/persistence/kdb/kdb_bytes.hpp>
#include <millrace/persistence/kdb/kdb_number_internal.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <lz4.h>
#include <snappy-c.h>
#include <string_view>
#include <zlib.h>
#include <zstd.h>

namespace millrace::persistence {

namespace {

constexpr std::string_view zipped_magic = "kxzipped";
constexpr std::string_view encrypted_magic = "kxzippEd";
/// After the blocks: a version, the algorithm and level that were asked for,
/// the sizes expanded and stored, and that of a block; then 8 bytes a block,
/// and their number.
constexpr uint64_t trailer_bytes = 32;
/// q makes blocks of 4 KiB to 1 MiB.
constexpr uint64_t block_bytes_max = 1u << 20;
/// q keeps a block as it is when that is shorter; no way of compressing grows
/// one by more.
constexpr uint64_t growth_max = 64 * 1024;

enum algorithm : uint32_t {
  stored = 0,
  of_ipc = 1,
  gzip = 2,
  snappy = 3,
  lz4hc = 4,
  zstd = 5
};

std::string expand_gzip(std::span<const std::byte> from,
                        std::span<std::byte> into) {
  z_stream stream{};
  // Either header: that of zlib, which q writes, or of gzip.
  if (inflateInit2(&stream, 15 + 32) != Z_OK)
    return "there is no memory for zlib";
  stream.next_in
    = reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data()));
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = reinterpret_cast<Bytef*>(into.data());
  stream.avail_out = static_cast<uInt>(into.size());
  const auto end = inflate(&stream, Z_FINISH);
  const bool all
    = end == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
  inflateEnd(&stream);
  return all ? "" : "its gzip block does not expand to what it must";
}

std::string expand_ipc(std::span<const std::byte> from,
                       std::span<std::byte> into) {
  const std::string_view text{reinterpret_cast<const char*>(from.data()),
                              from.size()};
  const auto whole
    = expand_kdb_message(text, static_cast<uint32_t>(into.size() + 8));
  if (!whole)
    return whole.failure().context;
  if (whole->size() != into.size() + 8)
    return "its block does not expand to what it must";
  std::memcpy(into.data(), whole->data() + 8, into.size());
  return "";
}

std::string expand_snappy(std::span<const std::byte> from,
                          std::span<std::byte> into) {
  const auto* text = reinterpret_cast<const char*>(from.data());
  size_t size = 0;
  const bool all
    = snappy_uncompressed_length(text, from.size(), &size) == SNAPPY_OK
      && size == into.size()
      && snappy_uncompress(text, from.size(),
                           reinterpret_cast<char*>(into.data()), &size)
           == SNAPPY_OK;
  return all ? "" : "its snappy block does not expand to what it must";
}

std::string expand_lz4(std::span<const std::byte> from,
                       std::span<std::byte> into) {
  const auto size = LZ4_decompress_safe(
    reinterpret_cast<const char*>(from.data()),
    reinterpret_cast<char*>(into.data()), static_cast<int>(from.size()),
    static_cast<int>(into.size()));
  return size == static_cast<int>(into.size())
           ? ""
           : "its lz4 block does not expand to what it must";
}

std::string expand_zstd(std::span<const std::byte> from,
                        std::span<std::byte> into) {
  const auto size
    = ZSTD_decompress(into.data(), into.size(), from.data(), from.size());
  return ZSTD_isError(size) == 0 && size == into.size()
           ? ""
           : "its zstd block does not expand to what it must";
}

} // namespace

error kdb_damage(const std::string& path, uint64_t byte,
                 const std::string& what) {
  return {errc::corrupt, path + ": byte " + std::to_string(byte) + ": " + what};
}

result<kdb_bytes> kdb_bytes::open(file_system& fs, std::string path) {
  auto opened = fs.open(path, open_mode::read);
  if (!opened)
    return opened.failure();
  kdb_bytes out{std::move(path), *std::move(opened)};
  const auto size = out.file_->size();
  if (!size)
    return size.failure();
  out.size_ = *size;
  std::array<std::byte, 8> magic{};
  if (*size < magic.size())
    return out;
  if (auto fault = out.fill(0, magic))
    return fault;
  const std::string_view text{reinterpret_cast<const char*>(magic.data()),
                              magic.size()};
  if (text == encrypted_magic)
    return error{errc::unsupported,
                 out.path_ + ": is encrypted; write it without -36! first"};
  if (text == zipped_magic)
    if (auto fault = out.read_blocks(*size))
      return fault;
  return out;
}

/// The list at the end of a compressed file.
error kdb_bytes::read_blocks(uint64_t file_bytes) {
  constexpr uint64_t head = zipped_magic.size();
  if (file_bytes < head + trailer_bytes + 8)
    return kdb_damage(path_, file_bytes, "it ends before its list of blocks");
  std::array<std::byte, 8> last{};
  if (auto fault = fill(file_bytes - 8, last))
    return fault;
  const auto count = number_at<uint64_t>(last.data());
  if (count > (file_bytes - head - trailer_bytes - 8) / 8)
    return kdb_damage(path_, file_bytes - 8, "it has no room for its blocks");
  const auto trailer = file_bytes - 8 - count * 8 - trailer_bytes;
  std::vector<std::byte> list(trailer_bytes + count * 8);
  if (auto fault = fill(trailer, list))
    return fault;
  size_ = number_at<uint64_t>(&list[8]);
  const auto stored_bytes = number_at<uint64_t>(&list[16]);
  block_bytes_ = number_at<uint64_t>(&list[24]);
  if (block_bytes_ == 0 || block_bytes_ > block_bytes_max)
    return kdb_damage(path_, trailer + 24,
                      "blocks of " + std::to_string(block_bytes_) + " bytes");
  if (size_ > count * block_bytes_
      || size_ + block_bytes_ <= count * block_bytes_)
    return kdb_damage(path_, trailer + 8,
                      std::to_string(count) + " blocks do not hold "
                        + std::to_string(size_) + " bytes");
  uint64_t at = head;
  for (uint64_t i = 0; i < count; ++i) {
    const auto* entry = &list[trailer_bytes + i * 8];
    const block next{at, number_at<uint32_t>(entry),
                     number_at<uint32_t>(entry + 4)};
    if (next.bytes > trailer - at || next.bytes > block_bytes_ + growth_max)
      return kdb_damage(path_, trailer + trailer_bytes + i * 8,
                        "block " + std::to_string(i) + " has no room");
    if (next.algorithm > zstd)
      return {errc::unsupported,
              path_ + ": byte "
                + std::to_string(trailer + trailer_bytes + i * 8 + 4)
                + ": compression by algorithm " + std::to_string(next.algorithm)
                + " is not known"};
    at += next.bytes;
    blocks_.push_back(next);
  }
  if (at != trailer || stored_bytes != trailer)
    return kdb_damage(path_, trailer + 16,
                      "its blocks do not fill it: it was cut, or written over");
  return {};
}

/// Bytes of the file as it is.
error kdb_bytes::fill(uint64_t offset, std::span<std::byte> into) {
  const auto got = file_->read_at(offset, into);
  if (!got)
    return got.failure();
  return *got == into.size()
           ? error{}
           : kdb_damage(path_, offset + *got, "it ends too early");
}

error kdb_bytes::expand(uint64_t number) {
  const auto& from = blocks_[number];
  const auto begin = number * block_bytes_;
  held_ = UINT64_MAX;
  expanded_.resize(std::min(block_bytes_, size_ - begin));
  if (from.algorithm == stored) {
    if (from.bytes != expanded_.size())
      return kdb_damage(path_, from.offset,
                        "block " + std::to_string(number)
                          + " is not as long as it must be");
    if (auto fault = fill(from.offset, expanded_))
      return fault;
    held_ = number;
    return {};
  }
  std::vector<std::byte> bytes(from.bytes);
  if (auto fault = fill(from.offset, bytes))
    return fault;
  using expander
    = std::string (*)(std::span<const std::byte>, std::span<std::byte>);
  constexpr expander by_algorithm[] = {nullptr,       expand_ipc, expand_gzip,
                                       expand_snappy, expand_lz4, expand_zstd};
  const auto fault = by_algorithm[from.algorithm](bytes, expanded_);
  if (!fault.empty())
    return kdb_damage(path_, from.offset,
                      "block " + std::to_string(number) + ": " + fault);
  held_ = number;
  return {};
}

error kdb_bytes::read(uint64_t offset, std::span<std::byte> into) {
  if (offset > size_ || into.size() > size_ - offset)
    return kdb_damage(path_, size_, "it ends too early");
  if (!compressed())
    return fill(offset, into);
  while (!into.empty()) {
    const auto number = offset / block_bytes_;
    if (number != held_)
      if (auto fault = expand(number))
        return fault;
    const auto inside = offset - number * block_bytes_;
    const auto taken
      = std::min<uint64_t>(into.size(), expanded_.size() - inside);
    std::memcpy(into.data(), expanded_.data() + inside, taken);
    into = into.subspan(taken);
    offset += taken;
  }
  return {};
}

} // namespace millrace::persistence
