#pragma once

#include <millrace/query/plan/bar.hpp>
#include <millrace/query/table/columns.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace millrace::query {

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

/// A sum of integers, and how many were not null.
struct integer_total {
  int128 sum = 0;
  int64_t present = 0;
};

/// Nulls are left out.
template <class Loader>
integer_total sum_integers(const typename Loader::raw* from,
                           size_t n) noexcept {
  int64_t present = 0;
  if constexpr (sizeof(typename Loader::raw) < 8) {
    int64_t sum = 0;
    for (size_t i = 0; i < n; ++i) {
      const auto x = Loader::widen(from[i]);
      sum += x == null_long ? 0 : x;
      present += x != null_long;
    }
    return {sum, present};
  } else {
    // Half words cannot overflow. A null has no bit but the sign's.
    constexpr auto sign = uint64_t{1} << 63;
    uint64_t high = 0;
    uint64_t low = 0;
    for (size_t i = 0; i < n; ++i) {
      const auto x = static_cast<uint64_t>(from[i]) ^ sign;
      high += x >> 32;
      low += x & 0xffffffff;
      present += from[i] != null_long;
    }
    const auto sum = (static_cast<int128>(high) << 32) + low;
    return {sum - (static_cast<int128>(present) << 63), present};
  }
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
