#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/postgres/catalogue_call_internal.hpp>
#include <millrace/nodes/servers/postgres/catalogue_functions.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

// Implements, of catalogue_functions.hpp, numbers as PostgreSQL has them:
// SQLite's own are cut off, wrapped or made floats without a word.

namespace millrace::nodes::postgres {

namespace {

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks{" \t\n\v\f\r"};
  const auto begin = text.find_first_not_of(blanks);
  if (begin == text.npos)
    return {};
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

/// The number that a text is as a whole; its failure says whether it is one
/// that does not fit.
template <class Number>
std::errc read_all(std::string_view text, Number& out) {
  text = without_blanks(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-')
    text.remove_prefix(1);
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  return read.ec == std::errc{} && read.ptr != end ? std::errc::invalid_argument
                                                   : read.ec;
}

std::string_view name_of_width(int64_t bytes) {
  return bytes == 2 ? "smallint" : bytes == 4 ? "integer" : "bigint";
}

/// Whether a number of so many bytes can be put out: the smallest is null.
bool fits_width(int64_t number, int64_t bytes) {
  const auto most = bytes == 2   ? int64_t{std::numeric_limits<int16_t>::max()}
                    : bytes == 4 ? int64_t{std::numeric_limits<int32_t>::max()}
                                 : std::numeric_limits<int64_t>::max();
  return number >= -most && number <= most;
}

void give_whole(catalogue_call& of, int64_t number, int64_t bytes) {
  if (!fits_width(number, bytes))
    return of.fail_range(std::to_string(number) + " does not fit type "
                         + std::string{name_of_width(bytes)});
  of.give(number);
}

/// Half a unit goes to the even neighbour, as of a double precision.
std::optional<int64_t> rounded_whole(double value) {
  constexpr auto limit = 9223372036854775808.0;
  const auto whole = std::nearbyint(value);
  if (!(whole > -limit && whole < limit))
    return std::nullopt;
  return static_cast<int64_t>(whole);
}

/// @pre two arguments: a value, and the bytes of the type
void cast_whole(catalogue_call of) {
  const auto bytes = of.number(1);
  const auto too_large = [&] {
    of.fail_range(of.text(0) + " does not fit type "
                  + std::string{name_of_width(bytes)});
  };
  switch (of.kind(0)) {
    case SQLITE_NULL:
      return of.give_null();
    case SQLITE_INTEGER:
      return give_whole(of, of.number(0), bytes);
    case SQLITE_FLOAT: {
      const auto whole = rounded_whole(of.real(0));
      return whole ? give_whole(of, *whole, bytes) : too_large();
    }
    default:
      break;
  }
  int64_t out = 0;
  const auto fault = read_all(of.text(0), out);
  if (fault == std::errc::result_out_of_range)
    return too_large();
  if (fault != std::errc{})
    return of.fail_value("'" + of.text(0) + "' is not a value of type "
                         + std::string{name_of_width(bytes)});
  give_whole(of, out, bytes);
}

/// @pre two arguments: a value, and the bytes of the type
void cast_real(catalogue_call of) {
  if (of.is_null(0))
    return of.give_null();
  auto value = of.kind(0) == SQLITE_TEXT ? 0.0 : of.real(0);
  // "NaN" and "Infinity" are read, too.
  if (of.kind(0) == SQLITE_TEXT)
    if (const auto fault = read_all(of.text(0), value); fault != std::errc{})
      return fault == std::errc::result_out_of_range
               ? of.fail_range("'" + of.text(0) + "' does not fit a float")
               : of.fail_value("'" + of.text(0)
                               + "' is not a value of type float");
  if (of.number(1) == 4) {
    const auto narrow = static_cast<double>(static_cast<float>(value));
    if (std::isinf(narrow) && !std::isinf(value))
      return of.fail_range(of.text(0) + " does not fit type real");
    value = narrow;
  }
  of.give(value); // What is none is null.
}

void give_real(catalogue_call& of, double value) {
  if (std::isinf(value) && !std::isinf(of.real(2)) && !std::isinf(of.real(3)))
    return of.fail_range("a value does not fit type double precision");
  of.give(value);
}

/// Of whole numbers. None: it does not fit 64 bits.
std::optional<int64_t> whole_result(char sign, int64_t a, int64_t b) {
  int64_t out = 0;
  bool is_too_large = false;
  switch (sign) {
    case '+':
      is_too_large = __builtin_add_overflow(a, b, &out);
      break;
    case '-':
      is_too_large = __builtin_sub_overflow(a, b, &out);
      break;
    case '*':
      is_too_large = __builtin_mul_overflow(a, b, &out);
      break;
    case '/':
      is_too_large = b == -1 && __builtin_sub_overflow(int64_t{0}, a, &out);
      if (b != -1)
        out = a / b;
      break;
    case '%':
      out = b == -1 ? 0 : a % b;
      break;
    case '&':
      out = a & b;
      break;
    default:
      out = a | b;
      break;
  }
  return is_too_large ? std::nullopt : std::optional{out};
}

/// @pre four arguments: sign, bytes of a whole result, left, right
void arithmetic(catalogue_call of) {
  for (const int i : {2, 3}) {
    if (of.is_null(i))
      return of.give_null();
    if (of.kind(i) == SQLITE_TEXT)
      return of.fail_value("'" + of.text(i) + "' is not a number");
  }
  const auto sign = of.text(0)[0];
  if ((sign == '/' || sign == '%') && of.real(3) == 0)
    return of.fail_value("division by zero");
  if (of.kind(2) == SQLITE_INTEGER && of.kind(3) == SQLITE_INTEGER) {
    const auto out = whole_result(sign, of.number(2), of.number(3));
    if (!out)
      return of.fail_range("a value does not fit type "
                           + std::string{name_of_width(of.number(1))});
    return give_whole(of, *out, of.number(1));
  }
  const auto a = of.real(2);
  const auto b = of.real(3);
  switch (sign) {
    case '+':
      return give_real(of, a + b);
    case '-':
      return give_real(of, a - b);
    case '*':
      return give_real(of, a * b);
    case '/':
      return give_real(of, a / b);
    case '%':
      return give_real(of, std::fmod(a, b));
    default:
      return of.fail_value(of.text(0) + " takes whole numbers");
  }
}

/// Below 0, 0, above 0. @pre both are numbers, or both are texts
int order_of(const catalogue_call& of, int a, int b) {
  if (of.kind(a) == SQLITE_TEXT)
    return of.text(a).compare(of.text(b));
  if (of.kind(a) == SQLITE_INTEGER && of.kind(b) == SQLITE_INTEGER)
    return of.number(a) < of.number(b) ? -1 : of.number(a) > of.number(b);
  return of.real(a) < of.real(b) ? -1 : of.real(a) > of.real(b);
}

/// GREATEST and LEAST: nulls count for nothing.
template <bool IsGreatest>
void extreme_of(catalogue_call of) {
  std::optional<int> best;
  for (int i = 0; i < of.count(); ++i) {
    if (of.is_null(i))
      continue;
    if (best && (of.kind(i) == SQLITE_TEXT) != (of.kind(*best) == SQLITE_TEXT))
      return of.fail_value("'" + of.text(i) + "' and '" + of.text(*best)
                           + "' are not of one type");
    if (!best
        || (IsGreatest ? order_of(of, i, *best) > 0
                       : order_of(of, i, *best) < 0))
      best = i;
  }
  best ? of.give(of.value(*best)) : of.give_null();
}

/// @pre two arguments: a number, and how many digits after the point
void to_digits(catalogue_call of) {
  if (of.is_null(0))
    return of.give_null();
  // A power of ten that is no fraction is exact; 15 digits of a double are
  // sure, so that 1.005 is a half.
  const auto scale
    = std::pow(10.0, static_cast<double>(std::min<int64_t>(of.number(1), 15)));
  const auto scaled = of.real(0) * scale;
  if (!std::isfinite(scaled))
    return of.give(of.real(0));
  const auto near = std::abs(scaled) < 1e13 ? scaled * (1 + 1e-15) : scaled;
  of.give(std::round(near) / scale);
}

/// @pre two arguments: a number, and how many digits it has before its point
void within_digits(catalogue_call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto bound = std::pow(10.0, static_cast<double>(of.number(1)));
  if (!(std::abs(of.real(0)) < bound))
    return of.fail_range(of.text(0) + " has more than "
                         + std::to_string(of.number(1))
                         + " digits before its point");
  of.give(of.real(0));
}

/// @pre two arguments: ns, and how many digits of a second stay
void to_fraction(catalogue_call of) {
  if (of.is_null(0))
    return of.give_null();
  int64_t width = 1;
  for (auto i = std::max<int64_t>(of.number(1), 0); i < 9; ++i)
    width *= 10;
  int64_t moved = 0;
  if (width == 1 || __builtin_add_overflow(of.number(0), width / 2, &moved))
    return of.give(of.number(0));
  auto out = moved / width * width;
  if (out > moved)
    out -= width;
  of.give(out);
}

/// As a float is written: 1 for 1.0.
void real_text(catalogue_call of) {
  if (of.is_null(0))
    return of.give_null();
  if (of.kind(0) != SQLITE_FLOAT)
    return of.give(of.text(0));
  const auto value = of.real(0);
  if (std::isinf(value))
    return of.give(value > 0 ? std::string_view{"Infinity"}
                             : std::string_view{"-Infinity"});
  std::string out;
  query::append_float(out, value);
  of.give(out);
}

/// Characters from `begin` on, counted from 1, as many as a third argument
/// says: those before the first one count, and are none.
void part_of_text(catalogue_call of) {
  for (int i = 0; i < of.count(); ++i) {
    if (of.is_null(i))
      return of.give_null();
    if (i > 0 && of.kind(i) != SQLITE_INTEGER)
      return of.fail("a part of a text is told by whole numbers");
  }
  const auto begin = of.number(1);
  auto end = std::numeric_limits<int64_t>::max();
  if (of.count() > 2) {
    if (of.number(2) < 0)
      return of.fail_value("a part of a text has no length below 0");
    if (__builtin_add_overflow(begin, of.number(2), &end))
      end = std::numeric_limits<int64_t>::max();
  }
  std::string out;
  int64_t place = 0;
  for (const char c : of.text(0)) {
    // Bytes within a character are of its place.
    place += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (place >= begin && place < end)
      out += c;
  }
  of.give(out);
}

constexpr added_function value_functions[] = {
  {"pg_whole", 2, guarded<cast_whole>},
  {"pg_real", 2, guarded<cast_real>},
  {"pg_arith", 4, guarded<arithmetic>},
  {"pg_greatest", -1, guarded<extreme_of<true>>},
  {"pg_least", -1, guarded<extreme_of<false>>},
  {"pg_digits", 2, guarded<to_digits>},
  {"pg_within", 2, guarded<within_digits>},
  {"pg_fraction", 2, guarded<to_fraction>},
  {"pg_real_text", 1, guarded<real_text>},
  {"pg_substr", -1, guarded<part_of_text>},
};

} // namespace

int add_value_functions(sqlite3* database) {
  return add_to(database, value_functions, SQLITE_DETERMINISTIC, nullptr);
}

} // namespace millrace::nodes::postgres
