#include <millrace/messages/data/progress_trace.hpp>

#include <gtest/gtest.h>

namespace millrace {
namespace {

constexpr int64_t second_ns = 1'000'000'000;

/// Ten messages of 100 bytes per second, `seconds` long.
progress_trace steady(int seconds) {
  progress_trace out;
  for (int i = 0; i <= seconds; ++i) {
    const auto count = static_cast<uint64_t>(i);
    out.add({i * second_ns, {count * 1000}, count * 10, count * 1000});
  }
  return out;
}

TEST(ProgressTraceTest, ALagIsInBytesMessagesAndTime) {
  const auto trace = steady(20);
  const auto now_ns = 22 * second_ns;
  const auto none = trace.lag_of({20'000}, now_ns);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->bytes + none->messages, 0u);
  EXPECT_EQ(none->time_ns, 0);
  const auto some = trace.lag_of({15'000}, now_ns);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->bytes, 5000u);
  EXPECT_EQ(some->messages, 50u);
  EXPECT_EQ(some->time_ns,
            6 * second_ns); // It was passed 16 s after the begin.
  EXPECT_FALSE(some->at_least);
  const auto between = trace.lag_of({15'300}, now_ns);
  EXPECT_EQ(between->bytes, 4700u);
  EXPECT_EQ(between->messages, 50u);
}

TEST(ProgressTraceTest, WhatCameBeforeItsMemoryIsAtLeastSoFarBehind) {
  progress_trace trace;
  EXPECT_FALSE(trace.lag_of({0}, 0));
  EXPECT_FALSE(trace.rates_over(second_ns));
  trace.add({5 * second_ns, {1000}, 0, 0});
  trace.add({6 * second_ns, {1500}, 5, 500});
  const auto lag = trace.lag_of({400}, 9 * second_ns);
  ASSERT_TRUE(lag);
  EXPECT_TRUE(lag->at_least);
  EXPECT_EQ(lag->bytes, 1100u);
  EXPECT_EQ(lag->time_ns, 4 * second_ns);
}

/// However long it goes on: memory is bounded, what is new is exact, and what
/// is old is known within a small part of its age.
TEST(ProgressTraceTest, WhatIsLongAgoIsToldLessExactly) {
  constexpr int seconds = 20'000;
  const auto trace = steady(seconds);
  const auto now_ns = seconds * second_ns;
  EXPECT_LE(trace.to_json(now_ns).elements().size(),
            progress_trace::places_max);
  for (const int64_t age : {1, 10, 30}) {
    const auto at = static_cast<uint64_t>(seconds - age);
    EXPECT_EQ(trace.lag_of({at * 1000}, now_ns)->messages,
              static_cast<uint64_t>(age) * 10);
  }
  EXPECT_EQ(trace.rates_over(10 * second_ns)->messages, 10u);
  EXPECT_EQ(trace.rates_over(10 * second_ns)->bytes, 1000u);
}

TEST(ProgressTraceTest, AnotherHostReadsTheSameLags) {
  const auto trace = steady(20);
  const auto now_ns = 25 * second_ns;
  const auto there = progress_trace::from_json(trace.to_json(now_ns));
  for (const uint64_t at : {0, 7'300, 15'000, 20'000})
    EXPECT_EQ(to_json(*there.lag_of({at}, 0)),
              to_json(*trace.lag_of({at}, now_ns)));
}

TEST(ProgressTraceTest, TheNewestPlaceMovesUntilItIsOldEnough) {
  progress_trace trace;
  for (int i = 0; i <= 40; ++i)
    trace.move({i * second_ns / 10, {static_cast<uint64_t>(i)}, 0, 0},
               second_ns);
  EXPECT_LE(trace.to_json(0).elements().size(), 6u);
  EXPECT_EQ(trace.lag_of({40}, 4 * second_ns)->time_ns, 0);
}

} // namespace
} // namespace millrace
