#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What types functions take and give is in expression_types.cpp.

namespace millrace::query {

/// A constant. monostate: the null of its type; int64: integers and times in
/// the type's own unit; double; bytes of a symbol, string or char, or the 16
/// bytes of a guid.
using literal = std::variant<std::monostate, int64_t, double, std::string>;

/// What is computed row by row. Nulls and types are those of kdb+: a null
/// operand of a number makes a null; nulls are the smallest value of every
/// type and equal to each other; division is in floats. A whole
/// number or time that does not fit the result's type is an `overflow`, unless
/// an operand was infinite: then it is its infinity. Floats are equal when they
/// are the same. Numbers travel between nodes: append only.
enum class scalar_function : uint8_t {
  add = 1,
  subtract = 2,
  multiply = 3,
  divide = 4,   ///< In floats.
  quotient = 5, ///< `div`: floored.
  modulo = 6,   ///< Of the sign of the divisor.
  bar = 7,      ///< `xbar` (width, value): the multiple of it at or below.
  equal = 8,
  not_equal = 9,
  less = 10,
  greater = 11,
  less_equal = 12,
  greater_equal = 13,
  lesser = 14, ///< `&`, `and`
  larger = 15, ///< `|`, `or`
  negate = 16,
  absolute = 17,
  sign = 18,
  floor = 19,
  ceiling = 20,
  square_root = 21,
  exponential = 22,
  logarithm = 23,
  reciprocal = 24,
  logical_not = 25,
  is_null = 26,
  fill = 27,        ///< `^` (replacement, value): where the value is null.
  in = 28,          ///< (value, list of constants)
  within = 29,      ///< (value, low, high), both included.
  like = 30,        ///< (text, pattern constant); @see predicate_op::like
  conditional = 31, ///< (boolean, value where true, value where false)
  cast = 32,        ///< To the expression's own type.
  /// (timestamp, zone, offset in ns): the date of a table whose dates begin so.
  table_date = 33,
  /// (float, float above 0): the first, which is an `overflow` unless it is
  /// nearer to 0 than the second.
  bounded = 34,
};
/// As it is written: "+", "xbar", ...
[[nodiscard]] std::string_view to_string(scalar_function function) noexcept;

/// A tree of what is computed of one row.
struct expression {
  enum class kind : uint8_t { column = 1, constant = 2, call = 3 };
  kind what = kind::constant;
  /// Of a constant and of a cast as given; of all others after `resolve`.
  column_type type = column_type::long_;
  std::string name;            ///< Of a column.
  std::vector<literal> values; ///< Of a constant: one, or a list for `in`.
  scalar_function function = scalar_function::add;
  std::vector<expression> arguments;
  /// Where it begins in what was asked: offset of a byte, for messages.
  uint32_t place = 0;
  friend bool operator==(const expression&, const expression&) = default;
};

/// Deeper trees are refused: they come from others.
inline constexpr size_t expression_depth_max = 500;

[[nodiscard]] expression column_of(std::string name, uint32_t place = 0);
[[nodiscard]] expression constant_of(column_type type, literal value,
                                     uint32_t place = 0);
[[nodiscard]] expression call_of(scalar_function function,
                                 std::vector<expression> arguments,
                                 uint32_t place = 0);

[[nodiscard]] inline bool is_column(const expression& what) noexcept {
  return what.what == expression::kind::column;
}

/// The type of a column by its name; none: there is no such column.
using type_lookup = std::function<std::optional<column_type>(std::string_view)>;

/// Finds the types of all parts. What is computed as a text is a symbol: only
/// stores have strings. `invalid_argument` for an unknown column, for
/// operands that a function does not take, and for what is too deep: names the
/// place.
[[nodiscard]] error resolve(expression& what, const type_lookup& types);

/// Type of a call's result; none when the function refuses the operands.
[[nodiscard]] std::optional<column_type>
result_type(scalar_function function, std::span<const column_type> operands,
            column_type cast_to);

/// Names of the columns that it looks at, each once, in their order.
void add_columns_of(const expression& what, std::vector<std::string>& names);

/// Conditions that are true together when `what` is: "and" is taken apart.
void add_conditions_of(const expression& what, std::vector<expression>& out);

/// Each column of `what` replaced by the expression that `meaning` has for it;
/// one that it does not know stays.
[[nodiscard]] expression
substituted(expression what,
            const std::function<const expression*(std::string_view)>& meaning);

/// "(price*size)", as people read it.
[[nodiscard]] std::string to_string(const expression& what);

/// Boolean to float.
[[nodiscard]] constexpr bool is_numeric(column_type type) noexcept {
  return type == column_type::boolean
         || (type >= column_type::byte_ && type <= column_type::float_);
}
[[nodiscard]] constexpr bool is_float(column_type type) noexcept {
  return type == column_type::float_ || type == column_type::real;
}
[[nodiscard]] constexpr bool is_text(column_type type) noexcept {
  return type == column_type::symbol || type == column_type::string;
}

} // namespace millrace::query
