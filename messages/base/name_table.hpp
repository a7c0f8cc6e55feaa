#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

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

  /// All names, in the order of the rows.
  [[nodiscard]] std::vector<std::string_view> names() const {
    std::vector<std::string_view> out;
    for (const auto& [value, name] : rows_)
      out.push_back(name);
    return out;
  }

private:
  std::array<std::pair<Value, std::string_view>, Size> rows_;
};

} // namespace millrace
