#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::bench {

/// What a time of DuckDB has more than one of ours.
inline constexpr int64_t ns_1970_to_2000
  = int64_t{10'957} * 86'400 * 1'000'000'000;

/// One column of an answer, in a form that all who answer share.
struct answer_column {
  enum class kind : uint8_t { integers, floats, texts };
  kind what = kind::integers;
  std::vector<int64_t> integers; ///< Times in ns since 1970.
  std::vector<double> floats;
  std::vector<std::string> texts;
};

/// The rows of an answer. They stand in no order.
struct answer {
  std::vector<answer_column> columns;
  uint64_t row_count = 0;
};

/// The first difference of two answers to the same question, whatever the order
/// of their rows; no error: they are the same.
/// @param rounded how many of the last columns are computed by rounding in an
///   order that is not given: those may differ by 1e-9 of their value
[[nodiscard]] error difference(const answer& ours, const answer& theirs,
                               size_t rounded);

} // namespace millrace::bench
