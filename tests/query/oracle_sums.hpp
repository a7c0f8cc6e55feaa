#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "long_arithmetic.hpp"

namespace millrace::query::testing_support {

/// Infinities decide alone: one sign wins, both are null.
inline std::optional<double> infinite(const std::vector<double>& values) {
  double sum = 0;
  for (const auto x : values)
    if (!std::isfinite(x))
      sum += x;
  return sum == 0 ? std::nullopt : std::optional{sum};
}
inline double exact_sum(const std::vector<double>& values) {
  if (const auto sum = infinite(values))
    return *sum;
  long_number total;
  for (const auto x : values)
    total.add(x);
  return total.rounded();
}
/// n * sum(xy) - sum(x) * sum(y)
inline double moment(const std::vector<double>& xs,
                     const std::vector<double>& ys) {
  if (infinite(xs) || infinite(ys))
    return std::numeric_limits<double>::quiet_NaN();
  long_number sum_x;
  long_number sum_y;
  long_number products{2};
  for (size_t i = 0; i < xs.size(); ++i) {
    sum_x.add(xs[i]);
    sum_y.add(ys[i]);
    long_number x;
    long_number y;
    x.add(xs[i]);
    y.add(ys[i]);
    products = products.minus(x.times(y).times(-1));
  }
  return products.times(static_cast<int64_t>(xs.size()))
    .minus(sum_x.times(sum_y))
    .rounded();
}

/// Ascending; equal values by squaring, each step rounded.
inline double product(std::vector<double> values) {
  double digits = 1;
  int exponent = 0;
  auto multiply = [](double& to, int& at, double by, int by_exponent) {
    int shift = 0;
    to = std::frexp(to * by, &shift);
    at += by_exponent + (std::isfinite(to) ? shift : 0);
  };
  std::sort(values.begin(), values.end());
  for (size_t i = 0; i < values.size();) {
    size_t count = 1;
    while (i + count < values.size() && values[i + count] == values[i])
      ++count;
    double power = 1;
    int power_exponent = 0;
    multiply(power, power_exponent, values[i] == 0 ? 0.0 : values[i], 0);
    i += count;
    for (; count > 0; count /= 2) {
      if (count % 2 == 1)
        multiply(digits, exponent, power, power_exponent);
      multiply(power, power_exponent, power, power_exponent);
    }
  }
  return std::ldexp(digits, exponent);
}

} // namespace millrace::query::testing_support
