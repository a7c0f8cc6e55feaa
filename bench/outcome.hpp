#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <functional>
#include <optional>
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
  /// Of the messages and rows that figures count by. Less tests that a
  /// benchmark works; it measures nothing.
  double scale = 1;

  /// That share of `count`, and at least 100.
  [[nodiscard]] uint64_t scaled(uint64_t count) const noexcept;
};

/// What the largest of the tables and their logs touch.
inline constexpr uint64_t table_memory = uint64_t{3} << 30;

/// Measures once.
using measurement = std::function<result<double>()>;

/// Measures ours and what stands beside it in turn, so that what else the
/// machine does meets all of them.
class contest {
public:
  /// `what` has all but values and runs.
  /// @param warm_bytes of memory, at scale 1, to touch before each run: a
  ///   virtual machine's host takes idle pages away, and gives them back ten
  ///   times slower than they are written. Not before latencies: what the host
  ///   then takes back disturbs them.
  contest(outcome what, const measure_options& options, uint64_t warm_bytes = 0)
    : what_{std::move(what)}, run_count_{options.runs},
      warm_bytes_{warm_bytes == 0 ? 0 : options.scaled(warm_bytes)} {}

  /// Adds one to stand beside ours; its value is still missing in `as`.
  void add(comparison as, measurement run);
  [[nodiscard]] result<outcome> measure(const measurement& ours);

private:
  struct contestant {
    measurement run;
    std::vector<double> values;
  };
  outcome what_;
  unsigned run_count_;
  uint64_t warm_bytes_;
  std::vector<contestant> others_;
};

/// What is measured in microseconds, fewer of which are better.
[[nodiscard]] outcome in_microseconds(const char* name, double target);
/// The median of `ask`, so often one after the other, in microseconds.
[[nodiscard]] result<double> median_us(uint64_t count,
                                       const std::function<error()>& ask);

/// Nanoseconds of a clock that never goes back, one for all processes.
[[nodiscard]] int64_t now_ns() noexcept;
[[nodiscard]] double per_second(uint64_t count, int64_t begin_ns,
                                int64_t end_ns = now_ns()) noexcept;
/// @pre not empty
[[nodiscard]] double median(std::vector<double> values);
/// The value that `share` of all lie at or below. @pre not empty
[[nodiscard]] double quantile(std::vector<int64_t>& values, double share);

} // namespace millrace::bench
