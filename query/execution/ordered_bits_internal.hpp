#pragma once

#include <bit>
#include <cstdint>

// Values as bits whose order, as unsigned numbers, is that of the values.

namespace millrace::query {

namespace ordered {
inline constexpr uint64_t sign = uint64_t{1} << 63;
} // namespace ordered

[[nodiscard]] inline uint64_t ordered_bits(int64_t x) noexcept {
  return static_cast<uint64_t>(x) ^ ordered::sign;
}
[[nodiscard]] inline int64_t integer_of_bits(uint64_t bits) noexcept {
  return static_cast<int64_t>(bits ^ ordered::sign);
}

/// Both zeroes are one. @pre no NaN
[[nodiscard]] inline uint64_t ordered_bits(double x) noexcept {
  const auto bits = std::bit_cast<uint64_t>(x == 0 ? 0.0 : x);
  return bits & ordered::sign ? ~bits : bits | ordered::sign;
}
[[nodiscard]] inline double float_of_bits(uint64_t bits) noexcept {
  return std::bit_cast<double>(bits & ordered::sign ? bits ^ ordered::sign
                                                    : ~bits);
}

} // namespace millrace::query
