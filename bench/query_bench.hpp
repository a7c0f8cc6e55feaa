#pragma once

#include <millrace/bench/outcome.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::bench {

/// One benchmark of the family: a question over one layout.
struct query_benchmark {
  std::string name; ///< As "query_q1_hdb".
  std::string what;
};
[[nodiscard]] std::vector<query_benchmark> query_benchmarks();

/// Measures those of the family that are named, over one data set, in
/// milliseconds beside DuckDB. Answers are compared first: `bad_data` when they
/// differ.
/// @param each called with an outcome as soon as it is there
[[nodiscard]] error
measure_queries(const measure_options& options,
                const std::function<bool(std::string_view)>& is_wanted,
                const std::function<void(outcome)>& each);

} // namespace millrace::bench
