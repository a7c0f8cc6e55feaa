#include <millrace/actors/torq/rdb/replay_progress.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

constexpr lineage_id life{{1, 2}};

TEST(ReplayProgressTest, NothingIsCompleteBeforeAFlowBegan) {
  replay_progress progress{"market", {100}};
  EXPECT_FALSE(progress.complete({100}));
  EXPECT_EQ(progress.percent({100}), 0u);
  EXPECT_EQ(progress.standing({100}),
            "waits for stream 'market': no RT node has answered yet");
}

TEST(ReplayProgressTest, AnEmptyStreamIsCompleteAtOnce) {
  replay_progress progress{"market", {}};
  progress.flow(life, {});
  EXPECT_TRUE(progress.complete({}));
  EXPECT_EQ(progress.standing({}), "");
  EXPECT_EQ(progress.percent({}), 100u);
}

TEST(ReplayProgressTest, TellsHowMuchOfWhatWasThereIsHere) {
  replay_progress progress{"market", {100}};
  progress.flow(life, {300});
  EXPECT_EQ(progress.percent({100}), 0u);
  EXPECT_EQ(progress.percent({222}), 61u);
  EXPECT_EQ(progress.standing({222}), "has replayed 61 % of stream 'market'");
  // Never all of it before it is.
  EXPECT_EQ(progress.percent({299}), 99u);
  EXPECT_FALSE(progress.complete({299}));
  EXPECT_TRUE(progress.complete({300}));
  EXPECT_TRUE(progress.complete({301}));
}

TEST(ReplayProgressTest, ALaterFlowRaisesWhatIsAwaitedAndNeverLowersIt) {
  replay_progress progress{"market", {}};
  progress.flow(life, {100});
  EXPECT_TRUE(progress.complete({100}));
  progress.flow(life, {150});
  EXPECT_FALSE(progress.complete({100}));
  // A node that lags.
  progress.flow(life, {80});
  EXPECT_FALSE(progress.complete({100}));
  EXPECT_TRUE(progress.complete({150}));
}

} // namespace
} // namespace millrace::torq
