#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/host/system_clock.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

namespace millrace::nodes {
namespace {

int64_t reference_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
           std::chrono::system_clock::now().time_since_epoch())
           .count()
         - epoch_2000_ns;
}

/// How far `now_ns` lies outside two readings of the system's clock.
int64_t error_of(system_clock& clock) {
  const auto before = reference_ns();
  const auto told = clock.now_ns();
  const auto after = reference_ns();
  return std::max({int64_t{0}, before - told, told - after});
}

TEST(SystemClockTest, FollowsTheWallClockThroughManyLooks) {
  system_clock clock;
  std::vector<int64_t> errors;
  // Several times as long as the clock goes without a look at the system's.
  const auto end = reference_ns() + 50'000'000;
  while (reference_ns() < end)
    errors.push_back(error_of(clock));
  std::sort(errors.begin(), errors.end());
  // All but what a scheduler did between two readings.
  EXPECT_LT(errors[errors.size() * 99 / 100], 2'000);
}

TEST(SystemClockTest, EveryThreadHasTheSameTimeAlsoAfterARest) {
  system_clock clock;
  for (int i = 0; i < 3; ++i) {
    std::vector<int64_t> worst(4);
    std::vector<std::thread> threads;
    for (auto& each : worst)
      threads.emplace_back([&clock, &each] {
        std::vector<int64_t> errors;
        for (int j = 0; j < 20'000; ++j)
          errors.push_back(error_of(clock));
        std::sort(errors.begin(), errors.end());
        each = errors[errors.size() * 95 / 100];
      });
    for (auto& each : threads)
      each.join();
    for (const auto each : worst)
      EXPECT_LT(each, 5'000);
  }
}

} // namespace
} // namespace millrace::nodes
