#pragma once

#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/execution/expression_program.hpp>
#include <millrace/query/execution/kernels.hpp>
#include <millrace/query/execution/whole_floats.hpp>
#include <millrace/query/plan/bar.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

/// What the steps of an expression_program do with one vector.
namespace millrace::query::steps {

using program = expression_program;
using step = expression_program::step;

inline constexpr double null_float = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::vector<T>& values_of(expression_program::lane& slot) noexcept {
  if constexpr (std::is_same_v<T, int64_t>)
    return slot.ints;
  else if constexpr (std::is_same_v<T, double>)
    return slot.floats;
  else
    return slot.texts;
}

/// out[i] = Op(a[i]) of A as Out.
template <class Op, class Out, class A>
void unary(program& p, const step& s, uint32_t count) {
  auto* out = values_of<Out>(p.at(s.out)).data();
  const auto* a = values_of<A>(p.at(s.a)).data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = Op::of(a[i]);
}

/// out[i] = Op(a[i], b[i]).
template <class Op, class Out, class A>
void binary(program& p, const step& s, uint32_t count) {
  auto* out = values_of<Out>(p.at(s.out)).data();
  const auto* a = values_of<A>(p.at(s.a)).data();
  const auto* b = values_of<A>(p.at(s.b)).data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = Op::of(a[i], b[i]);
}

inline bool is_infinite(int64_t x) noexcept {
  return x == inf_long || x == -inf_long;
}

/// As unary; an infinity of what is none is an overflow.
template <class Op, class A>
void checked_unary(program& p, const step& s, uint32_t count) {
  unary<Op, int64_t, A>(p, s, count);
  const auto* out = p.at(s.out).ints.data();
  const auto* a = values_of<A>(p.at(s.a)).data();
  bool beyond = false;
  for (uint32_t i = 0; i < count; ++i)
    if constexpr (std::is_same_v<A, double>)
      beyond |= is_infinite(out[i]) && !std::isinf(a[i]);
    else
      beyond |= Op::is_beyond(out[i], a[i]);
  if (beyond)
    p.note_overflow();
}

/// As binary of whole numbers; an infinity of what is none is an overflow.
template <class Op>
void checked_binary(program& p, const step& s, uint32_t count) {
  binary<Op, int64_t, int64_t>(p, s, count);
  const auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).ints.data();
  const auto* b = p.at(s.b).ints.data();
  bool beyond = false;
  for (uint32_t i = 0; i < count; ++i)
    beyond |= is_infinite(out[i]) & !is_infinite(a[i]) & !is_infinite(b[i]);
  if (beyond)
    p.note_overflow();
}

/// out[i] = a[i]; one that is not nearer to 0 than b[i] is an overflow.
inline void keep_bounded(program& p, const step& s, uint32_t count) {
  auto* out = p.at(s.out).floats.data();
  const auto* a = p.at(s.a).floats.data();
  const auto* b = p.at(s.b).floats.data();
  bool beyond = false;
  for (uint32_t i = 0; i < count; ++i) {
    beyond |= a[i] <= -b[i] || a[i] >= b[i]; // A null is neither.
    out[i] = a[i];
  }
  if (beyond)
    p.note_overflow();
}

/// out[i] = a[i] (whole) is true ? b[i] : c[i].
template <class T>
void choose(program& p, const step& s, uint32_t count) {
  auto* out = values_of<T>(p.at(s.out)).data();
  const auto* a = p.at(s.a).ints.data();
  const auto* b = values_of<T>(p.at(s.b)).data();
  const auto* c = values_of<T>(p.at(s.c)).data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = a[i] != 0 ? b[i] : c[i];
}

// -- order: nulls are smallest, and equal -------------------------------------

inline bool is_null(int64_t x) noexcept { return x == null_long; }
inline bool is_null(double x) noexcept { return x != x; }
inline bool is_null(std::string_view x) noexcept { return x.empty(); }

template <class T>
bool before(T a, T b) noexcept {
  if constexpr (std::is_same_v<T, double>)
    return a != a ? b == b : a < b;
  else
    return a < b;
}

struct is_equal {
  template <class T>
  static int64_t of(T a, T b) noexcept {
    if constexpr (std::is_same_v<T, double>)
      return a == b || (a != a && b != b);
    else
      return a == b;
  }
};
struct is_less {
  template <class T>
  static int64_t of(T a, T b) noexcept {
    return before(a, b);
  }
};
template <class Op>
struct negation {
  template <class T>
  static int64_t of(T a, T b) noexcept {
    return 1 - Op::of(a, b);
  }
};
template <class Op>
struct reversed {
  template <class T>
  static int64_t of(T a, T b) noexcept {
    return Op::of(b, a);
  }
};
struct lesser {
  template <class T>
  static T of(T a, T b) noexcept {
    return before(b, a) ? b : a;
  }
};
struct larger {
  template <class T>
  static T of(T a, T b) noexcept {
    return before(a, b) ? b : a;
  }
};
struct fill {
  template <class T>
  static T of(T a, T b) noexcept {
    return is_null(b) ? a : b;
  }
};
struct null_test {
  template <class T>
  static int64_t of(T a) noexcept {
    return is_null(a);
  }
};
struct zero_test {
  template <class T>
  static int64_t of(T a) noexcept {
    return a == T{0};
  }
};
struct not_zero_test {
  template <class T>
  static int64_t of(T a) noexcept {
    return a != T{0};
  }
};

// -- whole numbers: a null makes a null, beyond 64 bits is an infinity --------

inline int64_t kept(int128 exact) noexcept {
  if (exact > inf_long)
    return inf_long;
  return exact < -int128{inf_long} ? -inf_long : static_cast<int64_t>(exact);
}
template <class Op>
struct of_whole {
  static int64_t of(int64_t a, int64_t b) noexcept {
    return is_null(a) || is_null(b) ? null_long : Op::of(a, b);
  }
};
struct add_whole {
  static int64_t of(int64_t a, int64_t b) noexcept {
    int64_t out;
    return __builtin_add_overflow(a, b, &out) || out == null_long
             ? (a > 0 ? inf_long : -inf_long)
             : out;
  }
};
struct subtract_whole {
  static int64_t of(int64_t a, int64_t b) noexcept {
    int64_t out;
    return __builtin_sub_overflow(a, b, &out) || out == null_long
             ? (a > 0 || b < 0 ? inf_long : -inf_long)
             : out;
  }
};
struct multiply_whole {
  static int64_t of(int64_t a, int64_t b) noexcept {
    return kept(int128{a} * b);
  }
};
struct quotient_whole {
  static int64_t of(int64_t a, int64_t b) noexcept {
    if (b == 0)
      return null_long;
    if (b == -1)
      return -a;
    const auto whole = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? whole - 1 : whole;
  }
};
struct modulo_whole {
  static int64_t of(int64_t a, int64_t b) noexcept {
    if (b == 0)
      return null_long;
    const auto rest = b == -1 ? 0 : a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
};
struct bar_whole {
  static int64_t of(int64_t width, int64_t value) noexcept {
    return width <= 0 ? null_long : bar_start(value, width);
  }
};
struct negate_whole {
  static int64_t of(int64_t a) noexcept { return is_null(a) ? a : -a; }
};
struct absolute_whole {
  static int64_t of(int64_t a) noexcept {
    return is_null(a) || a >= 0 ? a : -a;
  }
};
struct sign_whole {
  static int64_t of(int64_t a) noexcept {
    return is_null(a) ? a : (a > 0) - (a < 0);
  }
};
template <int64_t Limit>
struct narrow {
  static int64_t of(int64_t a) noexcept {
    return is_null(a) ? a : std::clamp(a, -Limit, Limit);
  }
  static bool is_beyond(int64_t out, int64_t a) noexcept {
    return out != a && !is_infinite(a);
  }
};
struct low_byte {
  static int64_t of(int64_t a) noexcept { return is_null(a) ? 0 : a & 255; }
};

// -- floats -------------------------------------------------------------------

struct add_float {
  static double of(double a, double b) noexcept { return a + b; }
};
struct subtract_float {
  static double of(double a, double b) noexcept { return a - b; }
};
struct multiply_float {
  static double of(double a, double b) noexcept { return a * b; }
};
struct divide_float {
  static double of(double a, double b) noexcept { return a / b; }
};
struct quotient_float {
  static double of(double a, double b) noexcept { return std::floor(a / b); }
};
struct modulo_float {
  static double of(double a, double b) noexcept {
    const auto rest = std::fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
};
struct bar_float {
  static double of(double width, double value) noexcept {
    if (width <= 0 || width != width)
      return null_float;
    return std::isinf(value) ? value : width * std::floor(value / width);
  }
};
struct negate_float {
  static double of(double a) noexcept { return -a; }
};
struct absolute_float {
  static double of(double a) noexcept { return std::fabs(a); }
};
struct sign_float {
  static int64_t of(double a) noexcept {
    return a != a ? null_long : (a > 0) - (a < 0);
  }
};
struct square_root {
  static double of(double a) noexcept { return std::sqrt(a); }
};
struct exponential {
  static double of(double a) noexcept { return std::exp(a); }
};
struct logarithm {
  static double of(double a) noexcept { return std::log(a); }
};
struct reciprocal {
  static double of(double a) noexcept { return 1 / a; }
};
struct single_precision {
  static double of(double a) noexcept {
    return static_cast<double>(static_cast<float>(a));
  }
};
inline int64_t whole_of(double a) noexcept {
  if (a != a)
    return null_long;
  if (a >= 9223372036854775807.0)
    return inf_long;
  return a <= -9223372036854775807.0 ? -inf_long : static_cast<int64_t>(a);
}
struct floor_of {
  static int64_t of(double a) noexcept { return whole_of(std::floor(a)); }
};
struct ceiling_of {
  static int64_t of(double a) noexcept { return whole_of(std::ceil(a)); }
};
struct rounded {
  static int64_t of(double a) noexcept { return whole_of(std::floor(a + 0.5)); }
};
struct float_of {
  static double of(int64_t a) noexcept {
    if (is_null(a))
      return null_float;
    if (a == inf_long || a == -inf_long)
      return a > 0 ? std::numeric_limits<double>::infinity()
                   : -std::numeric_limits<double>::infinity();
    return static_cast<double>(a);
  }
};

/// As unary of float_of, four at a time.
inline void whole_to_floats(program& p, const step& s, uint32_t count) {
  floats_of_whole(p.at(s.a).ints.data(), count, true,
                  p.at(s.out).floats.data());
}

// -- times --------------------------------------------------------------------

inline void convert_times(program& p, const step& s, uint32_t count) {
  auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).ints.data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = time_as(a[i], s.from, s.to);
}

/// The same, where a time that does not fit is an overflow.
inline void convert_checked(program& p, const step& s, uint32_t count) {
  convert_times(p, s, count);
  const auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).ints.data();
  bool beyond = false;
  for (uint32_t i = 0; i < count; ++i)
    beyond
      |= is_infinite(out[i]) && !is_infinite(a[i]) && std::abs(a[i]) != inf_int;
  if (beyond)
    p.note_overflow();
}

inline void find_dates(program& p, const step& s, uint32_t count) {
  auto& dates = *p.set_at(s.set).dates;
  auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).ints.data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = is_null(a[i]) ? null_long : dates.find(a[i]).day;
}

// -- sets ---------------------------------------------------------------------

inline void find_whole(program& p, const step& s, uint32_t count) {
  const auto& set = p.set_at(s.set).ints;
  auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).ints.data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = std::binary_search(set.begin(), set.end(), a[i]);
}
inline void find_float(program& p, const step& s, uint32_t count) {
  const auto& set = p.set_at(s.set).floats;
  auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).floats.data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = std::binary_search(set.begin(), set.end(), a[i], before<double>);
}
inline void find_text(program& p, const step& s, uint32_t count) {
  const auto& set = p.set_at(s.set).texts;
  auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).texts.data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = std::binary_search(set.begin(), set.end(), a[i], std::less<>{});
}
inline void match_text(program& p, const step& s, uint32_t count) {
  const auto& pattern = *p.set_at(s.set).pattern;
  auto* out = p.at(s.out).ints.data();
  const auto* a = p.at(s.a).texts.data();
  for (uint32_t i = 0; i < count; ++i)
    out[i] = pattern.matches(a[i]);
}

/// Values of rows `base + (rows ? rows[i] : i)`, made by `value_of` of those
/// from `from`; rows in a row in loops of their own, which become vectors.
template <class From, class To, class ValueOf>
void load_rows(const From* from, uint32_t base, const uint16_t* rows,
               uint32_t count, To* to, ValueOf value_of) {
  from += base;
  if (rows) {
    for (uint32_t i = 0; i < count; ++i)
      to[i] = value_of(from[rows[i]]);
    return;
  }
  // A core alone would not have enough of a long run under way.
  constexpr uint32_t line = 64 / sizeof(From);
  constexpr uint32_t ahead = 4096 / sizeof(From);
  uint32_t done = 0;
  for (; done + line <= count; done += line) {
    __builtin_prefetch(from + done + ahead);
    for (uint32_t i = done; i < done + line; ++i)
      to[i] = value_of(from[i]);
  }
  for (; done < count; ++done)
    to[done] = value_of(from[done]);
}

/// The same, the other way round, to memory that need not be aligned.
template <class To, class From, class ValueOf>
void store_rows(const From* from, std::byte* first, const uint16_t* rows,
                uint32_t count, ValueOf value_of) {
  for (uint32_t i = 0; i < count; ++i) {
    const To value = value_of(from[i]);
    std::memcpy(first + size_t{rows ? uint32_t{rows[i]} : i} * sizeof value,
                &value, sizeof value);
  }
}

template <class To, class From, class ValueOf>
void store_all(const From* from, std::byte* first, const uint16_t* rows,
               uint32_t count, ValueOf value_of) {
  if (rows)
    store_rows<To>(from, first, rows, count, value_of);
  else
    store_rows<To>(from, first, nullptr, count, value_of);
}

} // namespace millrace::query::steps
