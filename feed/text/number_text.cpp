#include <millrace/feed/text/number_text.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fast_float/fast_float.h>
#include <limits>
#include <numeric>
#include <string>
#include <system_error>

namespace millrace::feed {

fault parse_integer(const char* text, size_t length, int64_t& out) noexcept {
  bool negative = false;
  if (length > 1 && (*text == '-' || *text == '+')) {
    negative = *text == '-';
    ++text;
    --length;
  }
  uint64_t number = 0;
  if (const auto why = parse_digits(text, length, number); why != fault::none)
    return why;
  if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return fault::overflow;
  out = negative ? -static_cast<int64_t>(number) : static_cast<int64_t>(number);
  return fault::none;
}

namespace {

/// Beyond that of any number.
constexpr int64_t inf_exponent = 1'000'000'000'000;

/// Of a text that may end with it: nothing after it is looked at.
bool parse_exponent(std::string_view text, int64_t& out) noexcept {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-')
    text.remove_prefix(1);
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  if (read.ec == std::errc::result_out_of_range)
    out = text.starts_with('-') ? -inf_exponent : inf_exponent;
  return read.ec != std::errc::invalid_argument && read.ptr == end;
}

/// Up to 19 digits around at most one point. False: another form.
bool plain_decimal(const char* text, size_t length, uint64_t& digits,
                   uint32_t& fraction) noexcept {
  digits = 0;
  fraction = 0;
  size_t count = 0;
  bool point = false;
  for (size_t i = 0; i < length; ++i) {
    const auto digit = static_cast<unsigned char>(text[i] - '0');
    if (digit <= 9) {
      digits = digits * 10 + digit;
      count += digits != 0;
      fraction += point;
    } else if (text[i] == '.' && !point) {
      point = true;
    } else {
      return false;
    }
    if (count > 18)
      return false;
  }
  return length > (point ? 1u : 0u);
}

/// Reads a decimal number without a sign times 10^-shift, with one rounding.
template <class T>
fault parse_shifted(std::string_view text, uint32_t shift, T& out) noexcept {
  // fast_float reads "5." and ".5", as feeds write them, and infinity.
  const auto read = [&out](std::string_view all) {
    const auto parsed
      = fast_float::from_chars(all.data(), all.data() + all.size(), out);
    return parsed.ec == std::errc{} && parsed.ptr == all.data() + all.size();
  };
  if (!read(text))
    return fault::not_number;
  const bool spelled
    = text[0] == 'i' || text[0] == 'I' || text[0] == 'n' || text[0] == 'N';
  if (shift != 0 && !spelled) {
    const auto mark = std::min(text.find_first_of("eE"), text.size());
    int64_t exponent = 0;
    if (mark != text.size()) {
      if (!parse_exponent(text.substr(mark + 1), exponent))
        return fault::overflow;
    }
    std::string moved{text.substr(0, mark)};
    moved += 'e' + std::to_string(exponent - static_cast<int64_t>(shift));
    if (!read(moved))
      return fault::not_number;
  }
  return std::isinf(out) && !spelled ? fault::overflow : fault::none;
}

__extension__ using wide_number = unsigned __int128;

uint32_t bits_of(wide_number value) noexcept {
  const auto high = static_cast<uint64_t>(value >> 64);
  return high != 0 ? 64 + static_cast<uint32_t>(std::bit_width(high))
                   : static_cast<uint32_t>(
                     std::bit_width(static_cast<uint64_t>(value)));
}

/// Multiplies by 10^power. False: it does not fit.
bool raise(wide_number& value, uint32_t power) noexcept {
  for (; power > 0; --power) {
    if (value > ~wide_number{0} / 10)
      return false;
    value *= 10;
  }
  return true;
}

/// value * scale as above / below * 10^exponent.
struct scaled_ratio {
  wide_number above = 0;
  uint64_t below = 1;
  int32_t exponent = 0;
};

/// Tens that stand both above and below are left out, so that what does not fit
/// 128 bits afterwards is beyond 64 bits, or no whole number.
scaled_ratio ratio_of(const exact_decimal& value,
                      const number_scale& scale) noexcept {
  const auto common = std::gcd(scale.multiply, scale.divide);
  scaled_ratio out{static_cast<wide_number>(value.digits)
                     * (scale.multiply / common),
                   scale.divide / common, value.exponent};
  for (; out.exponent > 0 && out.below % 10 == 0; --out.exponent)
    out.below /= 10;
  for (; out.exponent < 0 && out.above != 0 && out.above % 10 == 0;
       ++out.exponent)
    out.above /= 10;
  return out;
}

/// The power of ten put where it belongs. False: it does not fit 128 bits.
bool spread(const scaled_ratio& ratio, wide_number& above,
            wide_number& below) noexcept {
  above = ratio.above;
  below = ratio.below;
  return ratio.exponent >= 0
           ? raise(above, static_cast<uint32_t>(ratio.exponent))
           : raise(below, static_cast<uint32_t>(-ratio.exponent));
}

/// A whole number of up to 2,048 bits, for the few ratios that fit no 128.
class long_number {
public:
  long_number(wide_number value, uint32_t tens) noexcept {
    limbs_[0] = static_cast<uint64_t>(value);
    limbs_[1] = static_cast<uint64_t>(value >> 64);
    for (; tens > 0; --tens)
      multiply_by_ten();
  }

  [[nodiscard]] int bits() const noexcept {
    for (size_t i = limbs_.size(); i-- > 0;)
      if (limbs_[i] != 0)
        return static_cast<int>(i * 64)
               + static_cast<int>(std::bit_width(limbs_[i]));
    return 0;
  }

  void shift_left(int count) noexcept {
    const auto whole = static_cast<size_t>(count / 64);
    const auto part = static_cast<unsigned>(count % 64);
    for (size_t i = limbs_.size(); i-- > 0;) {
      const auto high = i >= whole ? limbs_[i - whole] : 0;
      const auto low = i > whole ? limbs_[i - whole - 1] : 0;
      limbs_[i] = part == 0 ? high : high << part | low >> (64 - part);
    }
  }

  [[nodiscard]] bool is_less(const long_number& other) const noexcept {
    return std::lexicographical_compare(limbs_.rbegin(), limbs_.rend(),
                                        other.limbs_.rbegin(),
                                        other.limbs_.rend());
  }

  /// @pre other is not more than this
  void subtract(const long_number& other) noexcept {
    bool borrow = false;
    for (size_t i = 0; i < limbs_.size(); ++i) {
      const auto taken = static_cast<wide_number>(other.limbs_[i]) + borrow;
      borrow = limbs_[i] < taken;
      limbs_[i] -= static_cast<uint64_t>(taken);
    }
  }

private:
  void multiply_by_ten() noexcept {
    uint64_t carry = 0;
    for (auto& each : limbs_) {
      const auto wide = static_cast<wide_number>(each) * 10 + carry;
      each = static_cast<uint64_t>(wide);
      carry = static_cast<uint64_t>(wide >> 64);
    }
  }

  std::array<uint64_t, 32> limbs_{};
};

/// bits * 2^exponent, rounded once to nearest, ties to even, also where T has
/// fewer digits near zero. @pre bits is not 0 and below 2^63
template <class T>
T rounded(uint64_t bits, int exponent) noexcept {
  using limits = std::numeric_limits<T>;
  auto extra = static_cast<int>(std::bit_width(bits)) - limits::digits;
  extra = std::max(extra, limits::min_exponent - limits::digits - exponent);
  if (extra > 63)
    return 0;
  if (extra > 0) {
    const auto cut = bits & ((uint64_t{1} << extra) - 1);
    const auto half = uint64_t{1} << (extra - 1);
    bits >>= extra;
    exponent += extra;
    bits += cut > half || (cut == half && (bits & 1) != 0);
  }
  return std::ldexp(static_cast<T>(bits), exponent);
}

/// The same value of a ratio of any size. @pre above is not 0
template <class T>
T divided_at_length(const scaled_ratio& ratio) noexcept {
  // Beyond these every value of T is none, or infinite.
  constexpr int32_t tens_max = 420;
  if (ratio.exponent > tens_max)
    return std::numeric_limits<T>::infinity();
  if (ratio.exponent < -tens_max)
    return 0;
  const auto tens = static_cast<uint32_t>(std::abs(ratio.exponent));
  long_number above{ratio.above, ratio.exponent > 0 ? tens : 0};
  long_number below{ratio.below, ratio.exponent < 0 ? tens : 0};
  // Of as many bits each, so that the quotient is between 1/2 and 2.
  const auto ahead = above.bits() - below.bits();
  (ahead > 0 ? below : above).shift_left(std::abs(ahead));
  constexpr int steps = 62;
  uint64_t quotient = 0;
  for (int i = 0; i < steps; ++i) {
    quotient <<= 1;
    if (!above.is_less(below)) {
      above.subtract(below);
      quotient |= 1;
    }
    above.shift_left(1);
  }
  // What is left only says that the quotient is a little more.
  quotient |= above.bits() != 0 ? 1 : 0;
  return rounded<T>(quotient, ahead - (steps - 1));
}

/// above / below, rounded once to nearest, ties to even. @pre below < 2^127
template <class T>
T divided(wide_number above, wide_number below) noexcept {
  constexpr uint32_t precision = std::numeric_limits<T>::digits;
  if (above == 0)
    return 0;
  auto quotient = above / below;
  auto rest = above % below;
  int exponent = 0;
  while (bits_of(quotient) < precision + 2) {
    rest <<= 1;
    quotient = quotient << 1 | (rest >= below ? 1u : 0u);
    rest -= rest >= below ? below : 0;
    --exponent;
  }
  const auto extra = bits_of(quotient) - precision;
  const auto cut = quotient & ((wide_number{1} << extra) - 1);
  const auto half = wide_number{1} << (extra - 1);
  quotient >>= extra;
  if (cut > half || (cut == half && (rest != 0 || (quotient & 1) != 0)))
    ++quotient;
  return std::ldexp(static_cast<T>(static_cast<uint64_t>(quotient)),
                    exponent + static_cast<int>(extra));
}

} // namespace

fault parse_decimal_slowly(const char* text, size_t length,
                           uint32_t scale_digits, double& out) noexcept {
  bool negative = false;
  if (length > 1 && (*text == '-' || *text == '+')) {
    negative = *text == '-';
    ++text;
    --length;
  }
  if (length == 0 || *text == '-' || *text == '+')
    return fault::not_number;
  uint64_t digits = 0;
  uint32_t fraction = 0;
  constexpr uint64_t exact_max = uint64_t{1} << 53;
  if (plain_decimal(text, length, digits, fraction) && digits <= exact_max
      && fraction + scale_digits <= 22) {
    // Both operands are exact, so the one division rounds correctly.
    out = static_cast<double>(digits) / powers_of_ten[fraction + scale_digits];
  } else if (const auto why = parse_shifted({text, length}, scale_digits, out);
             why != fault::none) {
    return why;
  }
  if (negative)
    out = -out;
  return fault::none;
}

fault parse_exact(std::string_view text, exact_decimal& out) noexcept {
  out = {};
  size_t at = 0;
  if (text.starts_with('-') || text.starts_with('+')) {
    out.negative = text[0] == '-';
    ++at;
  }
  bool point = false;
  size_t digits = 0;
  int64_t zeroes = 0; ///< After the last other digit.
  int64_t exponent = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !point) {
      point = true;
      continue;
    }
    const auto digit = static_cast<unsigned char>(text[at] - '0');
    if (digit > 9)
      break;
    ++digits;
    exponent -= point;
    if (digit == 0) {
      zeroes += out.digits != 0;
      continue;
    }
    for (; zeroes >= 0; --zeroes) {
      const auto next = zeroes == 0 ? digit : uint64_t{0};
      if (out.digits > (UINT64_MAX - next) / 10)
        return fault::overflow;
      out.digits = out.digits * 10 + next;
    }
    zeroes = 0;
  }
  if (digits == 0)
    return fault::not_number;
  if (at < text.size()) {
    int64_t written = 0;
    if ((text[at] != 'e' && text[at] != 'E')
        || !parse_exponent(text.substr(at + 1), written))
      return fault::not_number;
    if (written > 10'000 || written < -10'000)
      return fault::overflow;
    exponent += written;
  }
  exponent += zeroes;
  if (exponent > 20'000 || exponent < -20'000)
    return fault::overflow;
  out.exponent = out.digits == 0 ? 0 : static_cast<int32_t>(exponent);
  return fault::none;
}

fault to_whole(const exact_decimal& value, uint64_t multiply, uint64_t divide,
               int64_t& out) noexcept {
  wide_number above = 0;
  wide_number below = 1;
  const auto ratio = ratio_of(value, {multiply, divide});
  if (!spread(ratio, above, below))
    return ratio.exponent < 0 ? fault::not_whole : fault::overflow;
  if (above % below != 0)
    return fault::not_whole;
  above /= below;
  if (above > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return fault::overflow;
  out = static_cast<int64_t>(above);
  if (value.negative)
    out = -out;
  return fault::none;
}

std::optional<uint32_t> zeroes_of(uint64_t power_of_ten) noexcept {
  uint32_t zeroes = 0;
  for (; power_of_ten > 1 && power_of_ten % 10 == 0; power_of_ten /= 10)
    ++zeroes;
  return power_of_ten == 1 ? std::optional{zeroes} : std::nullopt;
}

template <class T>
fault parse_scaled(std::string_view text, const number_scale& scale,
                   T& out) noexcept {
  if (const auto zeroes = zeroes_of(scale.divide);
      zeroes && scale.multiply == 1) {
    bool negative = false;
    if (text.size() > 1 && (text[0] == '-' || text[0] == '+')) {
      negative = text[0] == '-';
      text.remove_prefix(1);
    }
    if (text.empty() || text[0] == '-' || text[0] == '+')
      return fault::not_number;
    const auto why = parse_shifted(text, *zeroes, out);
    if (negative)
      out = -out;
    return why;
  }
  exact_decimal value;
  if (const auto why = parse_exact(text, value); why != fault::none)
    return why;
  wide_number above = 0;
  wide_number below = 1;
  const auto ratio = ratio_of(value, scale);
  out = ratio.above == 0 ? T{0}
        : spread(ratio, above, below) && below >> 126 == 0
          ? divided<T>(above, below)
          : divided_at_length<T>(ratio);
  if (value.negative)
    out = -out;
  return std::isinf(out) ? fault::overflow : fault::none;
}

template fault parse_scaled(std::string_view, const number_scale&,
                            float&) noexcept;
template fault parse_scaled(std::string_view, const number_scale&,
                            double&) noexcept;

} // namespace millrace::feed
