#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "oracle.hpp"

namespace millrace::query::testing_support {

inline double real_of(const cell& value) {
  const auto* whole = std::get_if<int64_t>(&value);
  const auto real
    = whole ? static_cast<double>(*whole) : std::get<double>(value);
  return real == 0 ? 0.0 : real;
}

/// @param values none of them null
inline cell percentile_of(const aggregate& what, std::vector<cell> values,
                          const cell& null) {
  const bool between = what.function == aggregate_function::percentile;
  if (values.empty())
    return between ? cell{nan_value} : null;
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return compare_cells(a, b) < 0;
  });
  const auto count = static_cast<double>(values.size());
  if (between) {
    const auto place = what.fraction * (count - 1);
    const auto low = real_of(values[static_cast<size_t>(std::floor(place))]);
    const auto high = real_of(values[static_cast<size_t>(std::ceil(place))]);
    const auto part = place - std::floor(place);
    if (low == high || part == 0)
      return low;
    return std::isfinite(high - low) ? low + part * (high - low)
                                     : low * (1 - part) + high * part;
  }
  // The first one with so many values up to it.
  double upto = 1;
  for (const auto& value : values)
    if (upto++ >= what.fraction * count)
      return std::holds_alternative<double>(value) ? cell{real_of(value)}
                                                   : value;
  return values.back();
}

inline cell distinct_count(std::vector<cell> values) {
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return compare_cells(a, b) < 0;
  });
  const auto last = std::unique(
    values.begin(), values.end(),
    [](const auto& a, const auto& b) { return compare_cells(a, b) == 0; });
  return static_cast<int64_t>(last - values.begin());
}

} // namespace millrace::query::testing_support
