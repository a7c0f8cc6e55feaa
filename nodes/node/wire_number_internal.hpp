#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::nodes {

/// A number of what nodes say to one another: four bytes, big endian.
inline uint32_t wire_number_at(const char* at) noexcept {
  uint32_t out = 0;
  for (size_t i = 0; i < sizeof out; ++i)
    out = out << 8 | static_cast<uint8_t>(at[i]);
  return out;
}

inline void put_wire_number(char* at, uint32_t value) noexcept {
  for (int shift = 24; shift >= 0; shift -= 8)
    *at++ = static_cast<char>(value >> shift);
}

} // namespace millrace::nodes
