#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace millrace {

/// The names of an enumeration's values, each once: looked up both ways.
template <class Value, size_t Size>
class name_table {
public:
  explicit constexpr name_table(
    const std::pair<Value, std::string_view> (&rows)[Size])
    : rows_{std::to_array(rows)} {}

  /// "unknown" for a value without a name.
  [[nodiscard]] constexpr std::string_view name_of(Value value) const noexcept {
    for (const auto& [candidate, name] : rows_)
      if (candidate == value)
        return name;
    return "unknown";
  }
  [[nodiscard]] constexpr std::optional<Value>
  find(std::string_view name) const noexcept {
    for (const auto& [value, candidate] : rows_)
      if (candidate == name)
        return value;
    return std::nullopt;
  }

private:
  std::array<std::pair<Value, std::string_view>, Size> rows_;
};

} // namespace millrace
