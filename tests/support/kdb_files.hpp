#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

/// Files of kdb+, byte for byte as its documentation and its own files have
/// them: made by hand, with nothing of the reader.
namespace millrace::test_support {

template <class T>
void put_raw(std::string& into, const T& value) {
  const auto at = into.size();
  into.resize(at + sizeof value);
  std::memcpy(into.data() + at, &value, sizeof value);
}

template <class T>
std::string raw(const std::vector<T>& values) {
  std::string out;
  for (const auto& each : values)
    put_raw(out, each);
  return out;
}

/// A simple list: fe 20, type, attribute, 4 bytes, number of values, values.
inline std::string kdb_list(uint8_t type, uint64_t count,
                            std::string_view values, uint8_t attribute = 0) {
  std::string out{"\xfe\x20"};
  out += static_cast<char>(type);
  out += static_cast<char>(attribute);
  out.append(4, '\0');
  put_raw(out, count);
  out += values;
  return out;
}

/// An enumeration of 32 bits, as up to 3.5.
inline std::string kdb_old_codes(std::string_view domain,
                                 const std::vector<int32_t>& codes,
                                 uint8_t attribute = 0) {
  std::string out{"\xfe"};
  out += domain;
  out.resize(11, '\0');
  out += static_cast<char>(attribute);
  out.append(4, '\0');
  put_raw(out, uint64_t{codes.size()});
  return out + raw(codes);
}

/// An enumeration of 64 bits, as since 3.6.
inline std::string kdb_codes(std::string_view domain,
                             const std::vector<int64_t>& codes,
                             uint8_t attribute = 0) {
  std::string out{"\xfd\x20"};
  out.resize(16, '\0');
  out += domain;
  out.resize(4082, '\0');
  out += '\x14';
  out += static_cast<char>(attribute);
  out.append(4, '\0');
  put_raw(out, uint64_t{codes.size()});
  return out + raw(codes);
}

/// Symbols, as a domain or the names of columns; `count` is not believed.
inline std::string kdb_symbol_list(const std::vector<std::string>& symbols,
                                   uint32_t count) {
  std::string out{"\xff\x01\x0b\x00", 4};
  put_raw(out, count);
  for (const auto& each : symbols)
    out += each + '\0';
  return out;
}

/// A block of a compressed file.
struct kdb_block {
  std::string bytes;
  uint32_t algorithm = 0;
};

/// The container of blocks that hold `size` bytes, `block_bytes` each.
inline std::string kdb_zipped(const std::vector<kdb_block>& blocks,
                              uint64_t size, uint64_t block_bytes) {
  std::string out{"kxzipped"};
  for (const auto& each : blocks)
    out += each.bytes;
  const uint64_t stored = out.size();
  out.append({'\2', '\0', '\0', '\0', '\2', '\6', '\0', '\0'});
  put_raw(out, size);
  put_raw(out, stored);
  put_raw(out, block_bytes);
  for (const auto& each : blocks) {
    put_raw(out, static_cast<uint32_t>(each.bytes.size()));
    put_raw(out, each.algorithm);
  }
  put_raw(out, uint64_t{blocks.size()});
  return out;
}

} // namespace millrace::test_support
