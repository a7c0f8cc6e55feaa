#include <millrace/bench/outcome.hpp>

#include <algorithm>
#include <chrono>

namespace millrace::bench {

int64_t now_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle]
                                : (values[middle - 1] + values[middle]) / 2;
}

double quantile(std::vector<int64_t>& values, double share) {
  const auto last = static_cast<double>(values.size() - 1);
  const auto at = values.begin() + static_cast<ptrdiff_t>(share * last);
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

} // namespace millrace::bench
