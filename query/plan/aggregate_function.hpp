#pragma once

#include <millrace/messages/data/types.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::query {

/// Sums of floats are exact, and rounded once; whole numbers that do not fit
/// are the error `overflow`. Numbers travel between nodes: append only.
enum class aggregate_function : uint8_t {
  count = 1, ///< Rows, nulls included.
  sum = 2,   ///< 64-bit integers or floats; nulls count as zero.
  avg = 3,   ///< Over non-null values; null when there is none.
  min = 4,   ///< Over non-null values; null when there is none.
  max = 5,
  first = 6, ///< By (order column, stream order); may be null.
  last = 7,
  wavg = 8, ///< (weight, value); pairs with a null are left out.
  dev = 9,  ///< Of the population, as var, cov, cor; over non-null values.
  var = 10,
  cov = 11, ///< Pairs with a null are left out.
  cor = 12,
  med = 13,   ///< Over non-null values: the middle one, or half of two.
  prd = 14,   ///< 64-bit integers or floats; nulls count as one.
  sumsq = 15, ///< As sum.
  wsum = 16,  ///< As wavg.
  svar = 17,  ///< Of a sample, as sdev, scov: null of fewer than two values.
  sdev = 18,
  scov = 19,
  /// Over non-null values: as far into them, in order, as the fraction says;
  /// between two of them in proportion.
  percentile = 20,
  percentile_discrete = 21, ///< The first one as far in: of the input's type.
  distinct = 22, ///< How many values there are, null among them as one.
};
[[nodiscard]] std::string_view to_string(aggregate_function function) noexcept;

/// Those that are asked for by their name and columns alone, in any language
/// but SQL, which has names of its own.
[[nodiscard]] std::vector<std::string_view> aggregate_names();
/// One of these; none: of another name, or it takes more than columns.
[[nodiscard]] std::optional<aggregate_function>
aggregate_function_of(std::string_view name) noexcept;

/// Whether it folds two columns; in q its name stands between them.
[[nodiscard]] bool takes_pairs(aggregate_function function) noexcept;

/// Type of its result; none when the function refuses the types, or so many.
[[nodiscard]] std::optional<column_type>
result_type(aggregate_function function, std::span<const column_type> inputs);

} // namespace millrace::query
