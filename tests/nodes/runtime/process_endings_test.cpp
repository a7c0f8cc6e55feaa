#include <millrace/nodes/assembly/process_endings.hpp>

#include <gtest/gtest.h>

namespace millrace::nodes {
namespace {

constexpr int64_t ms = 1'000'000;

TEST(ProcessEndingsTest, EachEndWaitsTwiceAsLongUpToALimit) {
  process_endings endings;
  int64_t now = 0;
  for (const int64_t expected :
       {100, 200, 400, 800, 1600, 3200, 6400, 10'000, 10'000}) {
    EXPECT_EQ(endings.ended("rdb1", "why", 0, now), expected * ms);
    now += 50 * ms;
    endings.came("rdb1", now);
  }
  // One that ran for long enough is not what it was.
  now += process_endings::calm_ns;
  EXPECT_EQ(endings.ended("rdb1", "why", 0, now), 100 * ms);
}

TEST(ProcessEndingsTest, AStartThatFailsIsAnEndToo) {
  process_endings endings;
  EXPECT_EQ(endings.ended("rdb1", "it ended", 1, 0), 100 * ms);
  // However long it takes: it never ran.
  EXPECT_EQ(endings.ended("rdb1", "no start", 2, 2 * process_endings::calm_ns),
            200 * ms);
  const auto& told = endings.all().at("rdb1");
  EXPECT_EQ(told.count, 2u);
  EXPECT_EQ(told.last_at_ns, 2);
  EXPECT_EQ(told.why, "no start");
  EXPECT_TRUE(told.is_away);
  endings.came("rdb1", 0);
  EXPECT_FALSE(endings.all().at("rdb1").is_away);
}

TEST(ProcessEndingsTest, NothingIsSaidOfOneThatWasToldToEnd) {
  process_endings endings;
  (void)endings.ended("rdb1", "why", 0, 0);
  endings.forget("rdb1");
  endings.came("hdb1", 0);
  EXPECT_TRUE(endings.all().empty());
}

} // namespace
} // namespace millrace::nodes
