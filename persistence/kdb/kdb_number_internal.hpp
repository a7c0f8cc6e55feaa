#pragma once

#include <cstddef>
#include <cstring>

namespace millrace::persistence {

/// A number as it lies in a file, little endian, anywhere.
template <class T>
[[nodiscard]] T number_at(const std::byte* from) noexcept {
  T out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

} // namespace millrace::persistence
