#pragma once

#include <millrace/messages/result.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace millrace::bench {

/// What a figure of something else is to ours.
enum class standing : uint8_t {
  peer,  ///< Another program that does the same.
  limit, ///< The least that any program of this architecture must do.
  row,   ///< Another way to run ours.
};

/// A figure of something else, measured in the same run.
struct comparison {
  std::string name;
  double value = 0;
  /// Ours divided by theirs that the project asks for: at least this where
  /// more is better, at most this where less is. 0: nothing is asked for.
  double target = 0;
  standing is = standing::peer;
};

/// What one benchmark measured. Values are medians of the runs.
struct outcome {
  std::string name;
  double value = 0;
  std::string unit;
  /// When a message counts as safe: "cached" or "synced".
  std::string mode;
  bool less_is_better = false;
  std::vector<comparison> beside;
  /// Of the value itself, where nothing stands beside it. 0: none.
  double target = 0;
  /// Runs of ours, in order.
  std::vector<double> runs;
  /// Further figures, by name.
  std::vector<std::pair<std::string, double>> more;
};

/// How often, how much and where to measure.
struct measure_options {
  unsigned runs = 5;
  std::string directory; ///< For logs, tables and servers; exists, is emptied.
};

struct benchmark {
  std::string_view name;
  std::string_view what;
  std::string_view peer; ///< Empty: there is none.
  std::function<result<outcome>(const measure_options&)> run;
};

/// All that can be measured, in the order of the README.
[[nodiscard]] std::span<const benchmark> benchmarks();

/// Nanoseconds of a clock that never goes back.
[[nodiscard]] int64_t now_ns() noexcept;
/// @pre not empty
[[nodiscard]] double median(std::vector<double> values);
/// The value that `share` of all lie at or below. @pre not empty
[[nodiscard]] double quantile(std::vector<int64_t>& values, double share);

} // namespace millrace::bench
