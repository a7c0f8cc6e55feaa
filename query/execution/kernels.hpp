#pragma once

#include <millrace/query/table/columns.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace millrace::query {

/// A float sum that keeps what rounding loses, so that any split of the same
/// rows agrees to the last digits: the sum is high + low.
struct float_sum {
  double high = 0;
  double low = 0;

  void add(double x) noexcept {
    const double sum = high + x;
    const double part = sum - high;
    low += (high - (sum - part)) + (x - part);
    high = sum;
  }
  void add(const float_sum& other) noexcept {
    add(other.high);
    low += other.low;
  }
  /// Infinities and overflow make the low part meaningless.
  [[nodiscard]] double value() const noexcept {
    return std::isfinite(high) ? high + low : high;
  }
};

/// Rows of one segment to fold: `base + (rows ? rows[i] : i)` for i < count;
/// into group `groups ? groups[i] : group`.
struct row_batch {
  uint32_t base = 0;
  uint32_t count = 0;
  const uint16_t* rows = nullptr;
  const uint32_t* groups = nullptr;
  uint32_t group = 0;
  /// Times ascend along the batch and ties are in stream order.
  bool sorted = false;
};

namespace kernels {

using double4 = double __attribute__((vector_size(32)));
using long4 = int64_t __attribute__((vector_size(32)));

inline double4 load4(const double* from) noexcept {
  double4 out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

template <class Loader>
double4 load4_of(const typename Loader::raw* from) noexcept {
  if constexpr (std::is_same_v<Loader, load_float>)
    return load4(from);
  else
    return double4{static_cast<double>(Loader::widen(from[0])),
                   static_cast<double>(Loader::widen(from[1])),
                   static_cast<double>(Loader::widen(from[2])),
                   static_cast<double>(Loader::widen(from[3]))};
}

/// Rows per block: short enough that plain lane sums lose nothing that matters.
inline constexpr size_t block_rows = 1024;

inline double fold(const double4& a) noexcept {
  return (a[0] + a[1]) + (a[2] + a[3]);
}

/// Adds n contiguous doubles without the nulls. @returns how many were not.
inline uint64_t sum_block(const double* from, size_t n,
                          float_sum& into) noexcept {
  uint64_t present = 0;
  for (size_t start = 0; start < n; start += block_rows) {
    const auto* at = from + start;
    const auto count = std::min(block_rows, n - start);
    double4 lanes[4] = {};
    long4 counts[4] = {};
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
      for (size_t lane = 0; lane < 4; ++lane) {
        const auto x = load4(at + i + lane * 4);
        const long4 some = x == x;
        lanes[lane]
          += reinterpret_cast<double4>(reinterpret_cast<long4>(x) & some);
        counts[lane] -= some;
      }
    double tail = 0;
    for (; i < count; ++i)
      if (at[i] == at[i]) {
        tail += at[i];
        ++present;
      }
    into.add(fold((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + tail);
    const auto c = (counts[0] + counts[1]) + (counts[2] + counts[3]);
    present += static_cast<uint64_t>(c[0] + c[1] + c[2] + c[3]);
  }
  return present;
}

/// Integers as doubles for averages; nulls left out.
template <class Loader>
uint64_t sum_block_as_float(const typename Loader::raw* from, size_t n,
                            float_sum& into) noexcept {
  uint64_t present = 0;
  for (size_t start = 0; start < n; start += block_rows) {
    const auto count = std::min(block_rows, n - start);
    double lanes[8] = {};
    uint64_t nulls = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto x = Loader::widen(from[start + i]);
      const bool null = x == null_long;
      nulls += null;
      lanes[i & 7] += null ? 0.0 : static_cast<double>(x);
    }
    into.add(((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
             + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])));
    present += count - nulls;
  }
  return present;
}

template <class Loader>
uint64_t sum_integers(const typename Loader::raw* from, size_t n) noexcept {
  uint64_t sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto x = Loader::widen(from[i]);
    sum += x == null_long ? 0 : static_cast<uint64_t>(x);
  }
  return sum;
}

/// Nulls are left out. @returns null_long when there is nothing else.
template <class Loader>
int64_t max_integers(const typename Loader::raw* from, size_t n) noexcept {
  auto best = null_long;
  for (size_t i = 0; i < n; ++i)
    best = std::max(best, Loader::widen(from[i]));
  return best;
}

/// Order-preserving, with null last: lets `min` skip nulls without a branch.
inline int64_t null_last(int64_t x) noexcept {
  return static_cast<int64_t>(static_cast<uint64_t>(x) - 1);
}
inline int64_t null_first(int64_t x) noexcept {
  return static_cast<int64_t>(static_cast<uint64_t>(x) + 1);
}

template <class Loader>
int64_t min_integers(const typename Loader::raw* from, size_t n) noexcept {
  auto best = inf_long;
  for (size_t i = 0; i < n; ++i)
    best = std::min(best, null_last(Loader::widen(from[i])));
  return null_first(best);
}

inline double smaller(double state, double x) noexcept {
  return x < state || state != state ? x : state;
}
inline double larger(double state, double x) noexcept {
  return x > state || state != state ? x : state;
}

/// Smallest or largest of n contiguous floats; NaN when all are null.
template <bool Min, class Loader>
double extreme_floats(const typename Loader::raw* from, size_t n) noexcept {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  const double start = Min ? infinity : -infinity;
  double4 lanes[2]
    = {{start, start, start, start}, {start, start, start, start}};
  long4 some{};
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t lane = 0; lane < 2; ++lane) {
      const auto x = load4_of<Loader>(from + i + lane * 4);
      const long4 better = Min ? x < lanes[lane] : x > lanes[lane];
      lanes[lane] = better ? x : lanes[lane];
      some |= x == x;
    }
  double best = start;
  bool present = (some[0] | some[1] | some[2] | some[3]) != 0;
  auto fold_in = [&](double x) {
    best = Min ? (x < best ? x : best) : (x > best ? x : best);
  };
  for (const auto& lane : lanes)
    for (int j = 0; j < 4; ++j)
      fold_in(lane[j]);
  for (; i < n; ++i) {
    const double x = Loader::widen(from[i]);
    present |= x == x;
    fold_in(x);
  }
  return present ? best : std::numeric_limits<double>::quiet_NaN();
}

/// Calls f(group, row) for each row of the batch, row counted from base.
template <class F>
void each_row(const row_batch& batch, F&& f) {
  if (batch.rows && batch.groups)
    for (uint32_t i = 0; i < batch.count; ++i)
      f(batch.groups[i], uint32_t{batch.rows[i]});
  else if (batch.rows)
    for (uint32_t i = 0; i < batch.count; ++i)
      f(batch.group, uint32_t{batch.rows[i]});
  else if (batch.groups)
    for (uint32_t i = 0; i < batch.count; ++i)
      f(batch.groups[i], i);
  else
    for (uint32_t i = 0; i < batch.count; ++i)
      f(batch.group, i);
}

} // namespace kernels
} // namespace millrace::query
