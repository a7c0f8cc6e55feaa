#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace millrace::query {

/// A number of any length: what is left of two large products that nearly
/// cancel keeps its digits.
class exact_number {
public:
  exact_number() = default;
  explicit exact_number(uint64_t value);
  /// Little-endian two's complement, in units of 2^-1074.
  [[nodiscard]] static exact_number of_sum(std::span<const uint64_t> words);

  [[nodiscard]] exact_number operator*(const exact_number& by) const;
  [[nodiscard]] exact_number operator+(const exact_number& other) const;
  [[nodiscard]] exact_number operator-() const;
  /// Times 2^(64 * words).
  [[nodiscard]] exact_number shifted(int32_t words) && {
    place_ += words;
    return std::move(*this);
  }

  /// digits * 2^exponent, rounded to nearest, ties to even; `digits` lies
  /// within 64 bits, or is 0.
  struct rounded_number {
    double digits = 0;
    int32_t exponent = 0;
  };
  [[nodiscard]] rounded_number rounded() const;

private:
  using word_list = std::vector<uint64_t>;
  void trim();

  /// Value: words * 2^(64 * place), the lowest and the highest not 0.
  word_list words_;
  int32_t place_ = 0;
  bool negative_ = false;
};

} // namespace millrace::query
