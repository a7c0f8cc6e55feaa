#pragma once

#include <millrace/messages/base/result.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes::kdb {

/// Types as they stand before an object: a list's number; an atom's is minus
/// that.
enum class kind : int8_t {
  list = 0,
  boolean = 1,
  guid = 2,
  byte_ = 4,
  short_ = 5,
  int_ = 6,
  long_ = 7,
  real = 8,
  float_ = 9,
  char_ = 10,
  symbol = 11,
  timestamp = 12,
  month = 13,
  date = 14,
  datetime = 15,
  timespan = 16,
  minute = 17,
  second = 18,
  time = 19,
  table = 98,
  dictionary = 99,
  lambda = 100,
  primitive = 101, ///< With 0 the generic null, "::".
  function = 102,  ///< Any other function: read, and never run.
  error = -128,
};

/// Bytes of an item of a typed list; 0: it has no fixed width.
[[nodiscard]] constexpr size_t width_of(kind type) noexcept {
  switch (type) {
    case kind::boolean:
    case kind::byte_:
    case kind::char_:
      return 1;
    case kind::short_:
      return 2;
    case kind::int_:
    case kind::real:
    case kind::month:
    case kind::date:
    case kind::minute:
    case kind::second:
    case kind::time:
      return 4;
    case kind::long_:
    case kind::float_:
    case kind::timestamp:
    case kind::datetime:
    case kind::timespan:
      return 8;
    case kind::guid:
      return 16;
    default:
      return 0;
  }
}

/// An object of kdb+, as it travels.
struct value {
  kind type = kind::list; ///< Of an atom: that of its list.
  bool is_atom = false;
  /// Items of fixed width, little endian. A guid's are in textual order.
  std::string bytes;
  std::vector<std::string> symbols; ///< Of kind::symbol.
  /// list: its items; dictionary: keys and values; table: a dictionary.
  std::vector<value> parts;
  std::string text; ///< Of an error, or a lambda.
  friend bool operator==(const value&, const value&) = default;

  [[nodiscard]] size_t size() const noexcept {
    if (type == kind::symbol)
      return symbols.size();
    const auto width = width_of(type);
    return width ? bytes.size() / width : parts.size();
  }
  /// Item `i` as a number of its width. @pre width_of(type) == sizeof(T)
  template <class T>
  [[nodiscard]] T item(size_t i) const noexcept {
    T out;
    std::memcpy(&out, bytes.data() + i * sizeof(T), sizeof(T));
    return out;
  }
};

/// Of memory, with all that it holds.
[[nodiscard]] size_t byte_count(const value& of) noexcept;

/// A datetime, in days since 2000.01.01, as a timestamp of whole milliseconds;
/// none: it is finite, and beyond what there can be.
[[nodiscard]] std::optional<int64_t> timestamp_of(double datetime) noexcept;

[[nodiscard]] value symbol_atom(std::string name);
[[nodiscard]] value text_value(std::string text); ///< A list of char.
[[nodiscard]] value generic_null();
[[nodiscard]] value list_of(std::vector<value> items);
/// An atom.
template <class T>
[[nodiscard]] value atom_of(kind type, T number) {
  value out;
  out.type = type;
  out.is_atom = true;
  out.bytes.resize(sizeof number);
  std::memcpy(out.bytes.data(), &number, sizeof number);
  return out;
}

} // namespace millrace::nodes::kdb
