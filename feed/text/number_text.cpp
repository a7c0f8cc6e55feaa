#include <millrace/feed/text/number_text.hpp>

#include <cmath>
#include <fast_float/fast_float.h>
#include <limits>
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
  } else {
    const auto* end = text + length;
    // fast_float reads "5." and ".5", as feeds write them, and infinity.
    const auto parsed = fast_float::from_chars(text, end, out);
    if (parsed.ec != std::errc{} || parsed.ptr != end)
      return fault::not_number;
    const bool spelled = *text == 'i' || *text == 'I';
    if (std::isinf(out) && !spelled)
      return fault::overflow;
    out /= powers_of_ten[scale_digits];
  }
  if (negative)
    out = -out;
  return fault::none;
}

} // namespace millrace::feed
