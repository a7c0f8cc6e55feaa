#include <millrace/nodes/configuration/wall_clock_watch.hpp>

#include <gtest/gtest.h>

namespace millrace::nodes {
namespace {

constexpr int64_t s = 1'000'000'000;

TEST(WallClockWatchTest, TellsOfEachJumpOnceAndOfNothingElse) {
  struct look {
    int64_t wall_ns;
    int64_t monotonic_ns;
    int64_t jump_ns;
  };
  wall_clock_watch watch;
  for (const auto& each :
       {look{1000 * s, 5 * s, 0}, // The first.
        look{1001 * s, 6 * s, 0}, look{1003 * s, 8 * s + 1, 0},
        // A little too fast, for long.
        look{1004 * s + s / 2, 9 * s, 0}, look{1006 * s, 10 * s, 0},
        look{1006 * s + 3601 * s, 11 * s, 3600 * s}, look{4608 * s, 12 * s, 0},
        look{1009 * s, 13 * s, -3600 * s}, look{1010 * s, 14 * s, 0}})
    EXPECT_EQ(watch.look(each.wall_ns, each.monotonic_ns), each.jump_ns)
      << each.wall_ns;
  EXPECT_EQ(watch.jumps(), 2u);
}

} // namespace
} // namespace millrace::nodes
