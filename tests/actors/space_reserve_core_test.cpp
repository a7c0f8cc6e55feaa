#include <millrace/actors/rt/sequence/space_reserve.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

constexpr uint64_t reserve_size = 64 << 10;

class SpaceReserveTest : public ::testing::Test {
protected:
  SpaceReserveTest() {
    EXPECT_FALSE(disk.create_directories("/s"));
    disk.set_quota(uint64_t{4} << 20);
  }
  space_reserve open() { return {disk, "/s", reserve_size}; }
  uint64_t used() { return *disk.total_bytes("/s") - *disk.free_bytes("/s"); }
  void fill_disk() {
    auto file = disk.open("/else", persistence::open_mode::write);
    ASSERT_TRUE(file);
    const std::vector<std::byte> all(*disk.free_bytes("/s"));
    ASSERT_FALSE((*file)->write_at(0, all));
  }

  sim::memory_file_system disk{1};
};

TEST_F(SpaceReserveTest, TakesUpRoomAndGivesItAway) {
  auto reserve = open();
  EXPECT_STREQ(reserve.state(), "none");
  EXPECT_FALSE(reserve.give());
  EXPECT_FALSE(reserve.given());
  EXPECT_TRUE(reserve.take());
  EXPECT_EQ(used(), reserve_size);
  EXPECT_STREQ(reserve.state(), "kept");
  EXPECT_TRUE(reserve.give());
  EXPECT_EQ(used(), 0u);
  EXPECT_TRUE(reserve.given());
  EXPECT_FALSE(reserve.give());
  EXPECT_TRUE(reserve.take());
  EXPECT_FALSE(reserve.given());
}

TEST_F(SpaceReserveTest, ALaterLifeKnowsWhatBecameOfIt) {
  EXPECT_FALSE(space_reserve::give(disk, "/s"));
  ASSERT_TRUE(open().take());
  EXPECT_TRUE(open().is_kept());
  EXPECT_TRUE(space_reserve::give(disk, "/s"));
  EXPECT_TRUE(open().given());
  EXPECT_FALSE(space_reserve::give(disk, "/s"));
}

TEST_F(SpaceReserveTest, IsTakenAgainWhenThereIsRoomForMore) {
  auto reserve = open();
  ASSERT_TRUE(reserve.take());
  fill_disk();
  ASSERT_TRUE(reserve.give());
  EXPECT_FALSE(reserve.take()) << "all would be full again";
  EXPECT_TRUE(reserve.given());
  disk.set_quota(used() + 2 * reserve_size);
  EXPECT_TRUE(reserve.take());
}

TEST_F(SpaceReserveTest, AFullDiskHasNone) {
  fill_disk();
  auto reserve = open();
  EXPECT_FALSE(reserve.take());
  EXPECT_STREQ(reserve.state(), "none") << "nothing waits for it";
}

TEST_F(SpaceReserveTest, ASmallDiskKeepsAShareOfIt) {
  space_reserve reserve{disk, "/s", uint64_t{1} << 30};
  ASSERT_TRUE(reserve.take());
  EXPECT_EQ(used(), (uint64_t{4} << 20) / 32);
}

TEST_F(SpaceReserveTest, HalfOfItIsNone) {
  auto reserve = open();
  disk.fail(sim::disk_call::sync, 1, errc::no_space, 1, ".reserve");
  EXPECT_FALSE(reserve.take());
  EXPECT_EQ(used(), 0u);
}

} // namespace
} // namespace millrace::rt
