#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::text {

/// A value of a JSON document: what `parse_json` reads and `dump` writes.
/// Objects keep their keys in order.
class json_value {
public:
  struct entry;
  using list = std::vector<json_value>;
  using entries_type = std::vector<entry>;

  json_value() noexcept; ///< null
  json_value(bool value) noexcept;
  json_value(double value) noexcept;
  json_value(std::string value) noexcept;
  json_value(std::string_view value);
  json_value(const char* value);
  template <std::integral Number>
  json_value(Number value) noexcept
    : json_value{whole(static_cast<uint64_t>(value), std::cmp_less(value, 0))} {
  }
  /// An object: {{"key", value}, ...}, each key once.
  json_value(std::initializer_list<entry> entries);
  template <class Value>
  json_value(const std::vector<Value>& values) : json_value{array()} {
    for (const auto& value : values)
      add(value);
  }

  template <class Value>
  json_value(const std::map<std::string, Value>& entries)
    : json_value{object()} {
    for (const auto& [key, value] : entries)
      add(key, value);
  }

  json_value(const json_value&);
  json_value(json_value&&) noexcept;
  json_value& operator=(const json_value&);
  json_value& operator=(json_value&&) noexcept;
  ~json_value();

  [[nodiscard]] static json_value array();
  [[nodiscard]] static json_value object();

  [[nodiscard]] bool is_null() const noexcept { return holds<nothing>(); }
  [[nodiscard]] bool is_array() const noexcept { return holds<list>(); }
  [[nodiscard]] bool is_object() const noexcept {
    return holds<entries_type>();
  }
  /// Without a fraction or an exponent.
  [[nodiscard]] bool is_whole() const noexcept {
    return holds<int64_t>() || holds<uint64_t>();
  }

  // Each is none, null or empty for a value of another type.

  [[nodiscard]] std::optional<bool> boolean() const noexcept;
  [[nodiscard]] std::optional<double> number() const noexcept;
  /// A whole number that fits.
  [[nodiscard]] std::optional<int64_t> integer() const noexcept;
  [[nodiscard]] std::optional<uint64_t> natural() const noexcept;
  [[nodiscard]] const std::string* text() const noexcept;
  [[nodiscard]] const std::string& text_or_empty() const noexcept;
  [[nodiscard]] const list& elements() const noexcept;
  [[nodiscard]] const entries_type& entries() const noexcept;
  /// What an object has at `key`.
  [[nodiscard]] const json_value* find(std::string_view key) const noexcept;

  /// The same; a null value where there is none.
  [[nodiscard]] const json_value& at(std::string_view key) const noexcept;

  /// The value at `key`, a new null if there was none. Looks through all keys.
  /// @pre an object
  json_value& operator[](std::string_view key);
  /// Appends a key that the object does not have, or an element. @pre its type
  json_value& add(std::string key, json_value value);
  json_value& add(json_value value);

  /// The same value, keys in the same order.
  [[nodiscard]] bool operator==(const json_value& other) const;

  /// In one line; with `indent` spaces per level in one line per value.
  /// Bytes that are not UTF-8 become U+FFFD, numbers that JSON does not know
  /// null.
  [[nodiscard]] std::string dump(std::optional<size_t> indent = {}) const;

private:
  using nothing = std::monostate;

  template <class Type>
  [[nodiscard]] bool holds() const noexcept {
    return std::holds_alternative<Type>(value_);
  }
  static json_value whole(uint64_t bits, bool negative) noexcept;
  void write(std::string& out, std::optional<size_t> indent,
             size_t depth) const;

  /// Whole numbers are unsigned only beyond the signed ones.
  std::variant<nothing, bool, int64_t, uint64_t, double, std::string, list,
               entries_type>
    value_;
};

struct json_value::entry {
  std::string key;
  json_value value;
  friend bool operator==(const entry&, const entry&) = default;
};

} // namespace millrace::text
