#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::query::testing_support {

/// Arithmetic as by hand: digits of 16 bits, each with room for its carries,
/// in units of 2^(-1074 * scale). Slow, exact, and alike nothing it checks.
class long_number {
public:
  explicit long_number(size_t scale = 1) : scale_{scale}, digits_(340, 0) {}

  void add(double x) {
    int exponent = 0;
    const auto whole
      = static_cast<int64_t>(std::ldexp(std::frexp(x, &exponent), 53));
    // x = whole * 2^(exponent - 53)
    auto place = exponent - 53 + 1074 * static_cast<int>(scale_);
    auto rest = whole < 0 ? -whole : whole;
    for (; place < 0; ++place)
      rest /= 2;
    for (int bit = 0; rest >> bit != 0; ++bit)
      if (rest >> bit & 1)
        digits_[static_cast<size_t>(place + bit) / 16]
          += (whole < 0 ? -1 : 1) * (int64_t{1} << (place + bit) % 16);
  }
  void add_integer(int64_t x) {
    // Both halves are exact as doubles.
    add(static_cast<double>(x / 65536) * 65536);
    add(static_cast<double>(x % 65536));
  }
  [[nodiscard]] long_number times(const long_number& by) const {
    auto a = *this;
    auto b = by;
    const auto sign = a.normalize() * b.normalize();
    long_number out{scale_ + by.scale_};
    for (size_t i = 0; i < digits_.size(); ++i)
      for (size_t j = 0; a.digits_[i] && i + j < digits_.size(); ++j)
        out.digits_[i + j] += sign * a.digits_[i] * b.digits_[j];
    return out;
  }
  [[nodiscard]] long_number times(int64_t count) const {
    auto out = *this;
    (void)out.normalize();
    auto copy = *this;
    const auto sign = copy.normalize();
    for (auto& digit : out.digits_)
      digit *= sign * count;
    return out;
  }
  [[nodiscard]] long_number minus(const long_number& other) const {
    auto out = *this;
    for (size_t i = 0; i < digits_.size(); ++i)
      out.digits_[i] -= other.digits_[i];
    return out;
  }
  /// To nearest, ties to even.
  [[nodiscard]] double rounded() const {
    auto copy = *this;
    const auto sign = copy.normalize();
    std::vector<bool> bits;
    for (const auto digit : copy.digits_)
      for (int bit = 0; bit < 16; ++bit)
        bits.push_back(digit >> bit & 1);
    auto top = bits.size();
    while (top > 0 && !bits[top - 1])
      --top;
    int64_t kept = 0;
    auto low = top > 53 ? top - 53 : 0;
    for (auto i = top; i > low; --i)
      kept = kept * 2 + bits[i - 1];
    bool below = false;
    for (size_t i = 0; i + 1 < low; ++i)
      below = below || bits[i];
    if (low > 0 && bits[low - 1] && (below || kept % 2 == 1))
      ++kept;
    return static_cast<double>(sign)
           * std::ldexp(static_cast<double>(kept),
                        static_cast<int>(low)
                          - 1074 * static_cast<int>(scale_));
  }

private:
  /// Makes all digits 0..65535. @returns the sign.
  int64_t normalize() {
    if (carry() >= 0)
      return 1;
    for (auto& digit : digits_)
      digit = -digit;
    (void)carry();
    return -1;
  }
  int64_t carry() {
    int64_t over = 0;
    for (auto& digit : digits_) {
      digit += over;
      over = digit >> 16;
      digit -= over * 65536;
    }
    // A negative number stays one: the highest digit takes it.
    digits_.back() += over * 65536;
    return over;
  }

  size_t scale_;
  std::vector<int64_t> digits_;
};

} // namespace millrace::query::testing_support
