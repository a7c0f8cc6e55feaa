// Where a stream begins is drawn, and agreed on: no place of an earlier life of
// it is one of the next.

#include <functional>
#include <set>
#include <vector>

#include "sequencer_core_fixture.hpp"

namespace millrace::rt {
namespace {

class StreamBeginTest : public SequencerCoreTest {
protected:
  StreamBeginTest() {
    draws = true;
    env.random = [this] {
      drawn_ = drawn_ * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
      return drawn_;
    };
  }

  position first_file() {
    const auto files = persistence::list_log_files(disk, "/rt/market/out");
    return files && !files->empty()
             ? position::of(files->front().session, files->front().roll, 0)
             : position{};
  }

  void wipe() {
    core.reset();
    ASSERT_FALSE(disk.remove_all("/rt"));
    kept = {};
    id = 0;
    end = position::of(0, 0, 0);
  }

private:
  uint64_t drawn_ = 1;
};

TEST_P(StreamBeginTest, ItGoesOnWhereItBegan) {
  checkpoints = GetParam();
  open();
  publish_and_run(30, 5);
  const auto first = core->state()->layout.first;
  EXPECT_TRUE(is_first_place(first)) << to_string(first);
  EXPECT_NE(first.session(), 0u);
  EXPECT_EQ(first_file(), first);
  EXPECT_EQ(core->state()->out_begin, first);
  EXPECT_EQ(core->out_end().session(), first.session());
  EXPECT_GT(core->out_end().roll(), first.roll() + 1);
  EXPECT_EQ(core->losses().after(0).at("losses").elements().size(), 0u)
    << "nothing was before it";
  for (int life = 0; life < 3; ++life) {
    open();
    publish_and_run(2, 5);
    EXPECT_EQ(core->state()->layout.first, first);
    EXPECT_EQ(merged_ids(), all_ids());
  }
}

TEST_P(StreamBeginTest, EachLifeBeginsElsewhere) {
  std::set<position> begins;
  for (int life = 0; life < 20; ++life) {
    open();
    publish_and_run(1, 5);
    EXPECT_TRUE(begins.insert(first_file()).second);
    EXPECT_EQ(merged_ids(), all_ids());
    wipe();
  }
}

TEST_P(StreamBeginTest, ItIsMadeAgainThere) {
  open();
  publish_and_run(60, 7);
  core.reset();
  const auto before = out_files(disk);
  ASSERT_GT(before.size(), 2u);
  const auto lost_all = [&] {
    for (const auto& [path, bytes] : before)
      EXPECT_FALSE(disk.remove(path));
  };
  const auto lost_first
    = [&] { EXPECT_FALSE(disk.remove(before.begin()->first)); };
  const auto lost_directory
    = [&] { EXPECT_FALSE(disk.remove_all("/rt/market/out")); };
  for (const auto& harm : std::vector<std::function<void()>>{
         lost_all, lost_first, lost_directory}) {
    harm();
    kept = {};
    open();
    run();
    core.reset();
    EXPECT_EQ(out_files(disk), before);
  }
  EXPECT_EQ(merged_ids(), all_ids());
}

// A crash after the directory was made, and before the file was.
TEST_P(StreamBeginTest, WithoutAFileTheFirstEntrySaysWhere) {
  open();
  run();
  const auto first = first_file();
  ASSERT_NE(first, position{});
  core.reset();
  for (const auto& [path, bytes] : out_files(disk))
    ASSERT_FALSE(disk.remove(path));
  open();
  publish_and_run(1, 5);
  EXPECT_EQ(first_file(), first);
  EXPECT_EQ(merged_ids(), all_ids());
}

TEST_P(StreamBeginTest, ALoneNodeThatLostTheGroupsLogGoesOnThere) {
  checkpoints = GetParam();
  open();
  publish_and_run(30, 5);
  const auto first = first_file();
  const auto before = core->out_end();
  ASSERT_FALSE(core->close());
  core.reset();
  ASSERT_FALSE(disk.remove_all("/rt/market/raft"));
  open();
  EXPECT_FALSE(core->forgot().empty());
  publish_and_run(1, 5);
  EXPECT_EQ(first_file(), first);
  EXPECT_GT(core->out_end(), before);
  EXPECT_EQ(merged_ids(), all_ids());
}

TEST_P(StreamBeginTest, AStreamOfAnEarlierReleaseStaysAtItsBegin) {
  draws = false;
  open();
  publish_and_run(3, 5);
  EXPECT_EQ(first_file(), position{});
  draws = true;
  open();
  publish_and_run(30, 5);
  EXPECT_EQ(core->state()->layout.first, position{});
  EXPECT_EQ(core->out_end().session(), 0u);
  EXPECT_EQ(merged_ids(), all_ids());
}

TEST(FirstPlace, LeavesRoomForAStreamAndForNumbersOfBrowsers) {
  for (const auto random : {uint64_t{0}, UINT64_MAX, uint64_t{254},
                            uint64_t{255}, uint64_t{8191} << 32}) {
    const auto at = first_place(random);
    EXPECT_TRUE(is_first_place(at)) << to_string(at);
    EXPECT_NE(at.session(), 0u);
    EXPECT_LT(at.value, uint64_t{1} << 52);
    EXPECT_LE(at.roll(), position::roll_max / 2);
  }
  EXPECT_FALSE(is_first_place(position::of(256, 0, 0)));
  EXPECT_FALSE(is_first_place(position::of(1, 8192, 0)));
  EXPECT_FALSE(is_first_place(position::of(1, 1, 8)));
}

INSTANTIATE_TEST_SUITE_P(Modes, StreamBeginTest, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::rt
