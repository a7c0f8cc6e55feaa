#pragma once

#include <millrace/messages/text/json_value.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace millrace {

/// How often something took how long, as Prometheus counts it. One owner.
class duration_histogram {
public:
  /// Upper bounds, each with what takes just as long; what takes longer than
  /// the last is counted in all of them only.
  static constexpr std::array<int64_t, 15> bounds_ns{
    100'000,       250'000,        1'000'000,     2'500'000,
    10'000'000,    25'000'000,     50'000'000,    100'000'000,
    250'000'000,   500'000'000,    1'000'000'000, 2'500'000'000,
    5'000'000'000, 10'000'000'000, 30'000'000'000};

  /// What took less than nothing took nothing.
  void add(int64_t took_ns) noexcept;
  [[nodiscard]] uint64_t count() const noexcept { return count_; }

  /// {"count": 3, "seconds": 0.12, "within": {"0.0001": 0, ..., "30": 3}}: of
  /// `within` each has those before it.
  [[nodiscard]] text::json_value to_json() const;

private:
  std::array<uint64_t, bounds_ns.size()> counts_{};
  uint64_t count_ = 0;
  int64_t sum_ns_ = 0;
};

} // namespace millrace
