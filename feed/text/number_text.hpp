#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace millrace::feed {

static_assert(std::endian::native == std::endian::little);

/// Why a line or a value was refused.
enum class fault : uint8_t {
  none,
  field_count,  ///< The line has another number of fields.
  too_long,     ///< The line exceeds its limit.
  nul_byte,     ///< The line holds a NUL.
  not_utf8,     ///< The line is not UTF-8.
  open_quote,   ///< A quoted field does not end.
  not_json,     ///< The line is not JSON.
  not_list,     ///< What each row is to be taken of is not a list.
  list_of_rows, ///< The line is a list, and its keys are asked for.
  repeated_key, ///< An object has a key twice that is looked at.
  after_quote,  ///< Text between a closing quote and the delimiter.
  not_number,
  misgrouped, ///< Marks of thousands elsewhere than before three digits.
  no_sign,    ///< Not a number, where the sign of one is wanted.
  not_whole,  ///< A whole number is wanted.
  overflow,   ///< The number does not fit the column's type.
  not_boolean,
  not_char, ///< More than one character for a column of type char.
  not_guid,
  not_time,
  no_date,      ///< A time of day where no date is known.
  own_date,     ///< A time with a date where another one was said.
  too_fine,     ///< A time in parts that the column's type does not count.
  ambiguous,    ///< Digits of which each could be another unit.
  no_such_time, ///< The wall clock skipped this time.
  no_such_date,
  missing, ///< Empty where a value must be.
};

/// Parsers here read whole words from the start of a field: text must be
/// readable for this many bytes after its end.
inline constexpr size_t text_slack = 64;

namespace detail {

inline uint64_t load8(const char* text) noexcept {
  uint64_t word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

inline constexpr uint64_t zeroes = 0x3030303030303030;

/// Whether each byte of a word of digit *values* is at most nine.
inline bool all_digits(uint64_t values) noexcept {
  return (((values + 0x7676767676767676) | values) & 0x8080808080808080) == 0;
}

/// The number whose eight digit values stand in `values`, first one lowest.
inline uint64_t join8(uint64_t values) noexcept {
  values = values * 10 + (values >> 8);
  constexpr uint64_t mask = 0x000000FF000000FF;
  return (((values & mask) * 0x000F424000000064)
          + (((values >> 16) & mask) * 0x0000271000000001))
         >> 32;
}

/// Reads 1 to 8 digits; false when one is not a digit.
inline bool digits_to_8(const char* text, size_t length,
                        uint64_t& out) noexcept {
  const auto values = (load8(text) ^ zeroes) << (64 - 8 * length);
  out = join8(values);
  return all_digits(values);
}

} // namespace detail

/// Reads 1 to 19 digits and nothing else.
inline fault parse_digits(const char* text, size_t length,
                          uint64_t& out) noexcept {
  if (length - 1 < 8) [[likely]]
    return detail::digits_to_8(text, length, out) ? fault::none
                                                  : fault::not_number;
  if (length - 1 < 16) {
    uint64_t high;
    uint64_t low;
    const bool good = detail::digits_to_8(text, length - 8, high)
                      & detail::digits_to_8(text + length - 8, 8, low);
    out = high * 100'000'000 + low;
    return good ? fault::none : fault::not_number;
  }
  if (length == 0)
    return fault::not_number;
  out = 0;
  for (size_t i = 0; i < length; ++i) {
    const auto digit = static_cast<unsigned char>(text[i] - '0');
    if (digit > 9)
      return fault::not_number;
    if (out > (UINT64_MAX - digit) / 10)
      return fault::overflow;
    out = out * 10 + digit;
  }
  return fault::none;
}

/// Reads a whole number with an optional sign. The least int64 is refused as
/// overflow: it is the null.
fault parse_integer(const char* text, size_t length, int64_t& out) noexcept;

/// A decimal number, exactly: digits * 10^exponent.
struct exact_decimal {
  bool negative = false;
  uint64_t digits = 0; ///< Without zeroes at the end.
  int32_t exponent = 0;
};
/// Reads digits with a sign, a point and an exponent, each optional. `overflow`
/// when more than 19 digits count.
fault parse_exact(std::string_view text, exact_decimal& out) noexcept;

/// The greatest part of a scale. With it a number of 64 bits and the power of
/// ten of its scale still fit 128 bits.
inline constexpr uint64_t scale_max = 1'000'000'000'000'000'000;

/// Whether `value` times `multiply` / `divide` is whole and fits, and its
/// value: `not_whole` and `overflow` otherwise.
/// @pre both are 1 to scale_max
fault to_whole(const exact_decimal& value, uint64_t multiply, uint64_t divide,
               int64_t& out) noexcept;

/// What the text counts in: its number times multiply / divide is meant.
struct number_scale {
  uint64_t multiply = 1; ///< 1 to scale_max
  uint64_t divide = 1;   ///< 1 to scale_max
  friend bool operator==(const number_scale&, const number_scale&) = default;
};

/// Reads a decimal number of any form times `scale`, rounded once to the
/// nearest value of T. A scale that is not one over a power of ten takes at
/// most 19 digits, more are `overflow`.
template <class T>
fault parse_scaled(std::string_view text, const number_scale& scale,
                   T& out) noexcept;

/// The number of zeroes of a power of ten; none for other numbers.
std::optional<uint32_t> zeroes_of(uint64_t power_of_ten) noexcept;

/// Reads a decimal number times 10^-scale_digits, rounded once to the nearest
/// double.
fault parse_decimal_slowly(const char* text, size_t length,
                           uint32_t scale_digits, double& out) noexcept;

inline constexpr double powers_of_ten[]
  = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// Zeroes of a scale up to which one division by a power of ten that a double
/// holds is all that `parse_decimal` does for a short number.
inline constexpr uint32_t short_scale_zeroes = 15;

/// @pre scale_digits <= short_scale_zeroes
inline fault parse_decimal(const char* text, size_t length,
                           uint32_t scale_digits, double& out) noexcept {
  if (length - 1 >= 8)
    return parse_decimal_slowly(text, length, scale_digits, out);
  // Eight characters at most, one of them perhaps a point: take it out of the
  // word and read the rest as one whole number.
  auto values = detail::load8(text) ^ detail::zeroes;
  const auto unlike = values ^ 0x1E1E1E1E1E1E1E1E; // '.' ^ '0'
  auto point = (unlike - 0x0101010101010101) & ~unlike & 0x8080808080808080;
  point &= ~uint64_t{0} >> (64 - 8 * length);
  size_t digit_count = length;
  size_t fraction = 0;
  if (point != 0) {
    const auto below = (point & -point) >> 7;
    const auto mask = below - 1;
    values = (values & mask) | ((values >> 8) & ~mask);
    digit_count = length - 1;
    fraction
      = digit_count - (static_cast<size_t>(std::countr_zero(point)) >> 3);
    if (digit_count == 0)
      return fault::not_number;
  }
  values <<= 64 - 8 * digit_count;
  if (!detail::all_digits(values)) [[unlikely]]
    return parse_decimal_slowly(text, length, scale_digits, out);
  out = static_cast<double>(static_cast<int64_t>(detail::join8(values)))
        / powers_of_ten[fraction + scale_digits];
  return fault::none;
}

/// The same, rounded once to the nearest float.
inline fault parse_decimal(const char* text, size_t length,
                           uint32_t scale_digits, float& out) noexcept {
  double wide = 0;
  const auto why = parse_decimal(text, length, scale_digits, wide);
  if (why != fault::none)
    return why;
  out = static_cast<float>(wide);
  // Two roundings are one, but where the first one may have made a tie, and
  // below and above what a float holds at full precision.
  constexpr uint64_t tail = (uint64_t{1} << 29) - 1;
  const auto bits = std::bit_cast<uint64_t>(wide);
  const auto exponent = bits >> 52 & 0x7ff;
  if ((bits & tail) != uint64_t{1} << 28 && exponent > 1023 - 126
      && exponent < 1023 + 127) [[likely]]
    return fault::none;
  if (wide == 0)
    return fault::none;
  number_scale scale;
  for (; scale_digits > 0; --scale_digits)
    scale.divide *= 10;
  return parse_scaled({text, length}, scale, out);
}

} // namespace millrace::feed
