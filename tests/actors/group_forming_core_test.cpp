// How nodes become a group, and that what was forgotten founds none.

#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/actors/rt/sequence/left_group.hpp>
#include <millrace/actors/rt/sequence/stream_group.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {
namespace {

const std::vector<group_forming::node> three{
  {node_id{1}, "rt1"}, {node_id{2}, "rt2"}, {node_id{3}, "rt3"}};

group_founding founding_of_three(uint32_t generation = 0) {
  return {
    raft_configuration{{{{1, 10}, true}, {{2, 20}, true}, {{3, 30}, true}}},
    group_generation{generation}};
}

TEST(GroupFormingTest, TheFirstFoundsWithAllOthers) {
  group_forming first{three, {1, 10}, false};
  EXPECT_FALSE(first.founding());
  first.heard({2, 20}, {}, false);
  EXPECT_EQ(first.waits_for(), std::vector<std::string>{"rt3"});
  first.heard({3, 30}, {}, false);
  EXPECT_EQ(first.founding(), founding_of_three());
}

TEST(GroupFormingTest, OthersTakeTheFoundingOver) {
  group_forming second{three, {2, 20}, false};
  second.heard({1, 10}, {}, false);
  second.heard({3, 30}, {}, false);
  EXPECT_FALSE(second.founding());
  second.heard({1, 10}, founding_of_three(), false);
  EXPECT_EQ(second.founding(), founding_of_three());
}

TEST(GroupFormingTest, ANewLifeJoinsWhatIsThere) {
  group_forming wiped{three, {2, 21}, false};
  wiped.heard({1, 10}, founding_of_three(), false);
  EXPECT_EQ(wiped.founding(), founding_of_three());
  wiped.heard({3, 31}, founding_of_three(1), false);
  EXPECT_EQ(wiped.founding(), founding_of_three(1)) << "the later group counts";
}

TEST(GroupFormingTest, WhereSomebodyForgotNoGroupIsFounded) {
  group_forming first{three, {1, 11}, false};
  first.heard({2, 21}, {}, false);
  first.heard({3, 31}, {}, true);
  EXPECT_FALSE(first.founding());
  EXPECT_EQ(first.forgetful(), std::vector<std::string>{"rt3"});
  group_forming forgot{three, {1, 11}, true};
  forgot.heard({2, 21}, {}, false);
  forgot.heard({3, 31}, {}, false);
  EXPECT_FALSE(forgot.founding());
  forgot.heard({2, 20}, founding_of_three(), false);
  EXPECT_EQ(forgot.founding(), founding_of_three());
}

/// The first of them dies before anybody heard of it, and forgets: nobody else
/// would ever found one.
TEST(GroupFormingTest, AFoundingThatNobodyHeardOfIsTakenFromWhoForgotIt) {
  group_forming first{three, {1, 11}, true};
  group_forming second{three, {2, 20}, false};
  group_forming third{three, {3, 31}, false};
  second.heard({1, 11}, founding_of_three(), true);
  EXPECT_EQ(second.founding(), founding_of_three());
  // Wiped since: what it said in that life is not known.
  third.heard({1, 11}, founding_of_three(), true);
  EXPECT_FALSE(third.founding());
  third.heard({2, 20}, founding_of_three(), false);
  EXPECT_EQ(third.founding(), founding_of_three()) << "and is taken in";
  first.heard({2, 20}, founding_of_three(), false);
  EXPECT_EQ(first.founding(), founding_of_three()) << "and so is this one";
}

TEST(GroupFormingTest, NobodyTakesOverWhatAForgetfulOneHadWithoutHim) {
  group_forming second{three, {2, 21}, false};
  second.heard({1, 11}, founding_of_three(), true);
  second.heard({3, 31}, founding_of_three(1), true);
  second.heard({1, 11}, {}, true);
  EXPECT_FALSE(second.founding());
}

class StreamGroupLivesTest : public ::testing::Test {
protected:
  StreamGroupLivesTest() {
    world.fs = &disk;
    world.clock = &clock;
    world.random = [this] { return ++random_; };
  }

  std::unique_ptr<stream_group> open(bool cached) {
    auto opened = stream_group::open(world, {.directory = "/rt/market/raft",
                                             .cached = cached,
                                             .nodes = three,
                                             .self = node_id{2}});
    EXPECT_TRUE(opened) << to_string(opened.failure());
    return opened ? *std::move(opened) : nullptr;
  }

  /// As the second of three.
  std::unique_ptr<stream_group> founded(bool cached) {
    auto group = open(cached);
    const group_founding founding{
      raft_configuration{
        {{{1, 10}, true}, {group->self(), true}, {{3, 30}, true}}},
      {}};
    EXPECT_FALSE(group->found(founding, 0));
    EXPECT_FALSE(group->write(0));
    return group;
  }

  sim::memory_file_system disk{1};
  test_support::manual_clock clock;
  persistence::env world;

private:
  uint64_t random_ = 100;
};

TEST_F(StreamGroupLivesTest, APowerCutMakesACachedMemberAnotherOne) {
  const auto before = founded(true)->self();
  EXPECT_EQ(open(true)->self(), before) << "only the process died";
  disk.cut_power(sim::survival::all);
  auto after = open(true);
  EXPECT_NE(after->self(), before);
  EXPECT_TRUE(after->forgot());
  EXPECT_FALSE(after->why_set_aside().empty());
  EXPECT_EQ(after->set_aside().size(), 1u);
  after.reset();
  disk.cut_power(sim::survival::nothing);
  const auto again = open(true);
  EXPECT_TRUE(again->forgot()) << "it is not forgotten that it forgot";
  EXPECT_TRUE(again->founding().members.contains(before)) << "nor of what";
  EXPECT_FALSE(again->founded());
}

TEST_F(StreamGroupLivesTest, ACleanEndSurvivesAPowerCut) {
  auto group = founded(true);
  const auto before = group->self();
  ASSERT_FALSE(group->close(true));
  group.reset();
  disk.cut_power(sim::survival::nothing);
  EXPECT_EQ(open(true)->self(), before);
}

TEST_F(StreamGroupLivesTest, ASyncedMemberStays) {
  auto group = founded(false);
  const auto before = group->self();
  auto job = group->begin_sync();
  ASSERT_FALSE(group->finish_sync(job.end, job.run(), 0));
  group.reset();
  disk.cut_power(sim::survival::nothing);
  EXPECT_EQ(open(false)->self(), before);
}

TEST_F(StreamGroupLivesTest, ADamagedLogMakesAnotherMember) {
  const auto before = founded(false)->self();
  disk.flip_bit("/rt/market/raft/.founding", 300);
  auto after = open(false);
  EXPECT_NE(after->self(), before);
  EXPECT_TRUE(after->forgot());
}

TEST_F(StreamGroupLivesTest, ALaterGroupTakesItsPlace) {
  auto group = founded(false);
  EXPECT_FALSE(group->heard({1, 10}, founding_of_three(), false));
  const auto fault = group->heard({1, 11}, founding_of_three(1), false);
  EXPECT_EQ(fault.code, errc::fenced);
  group.reset();
  EXPECT_TRUE(open(false)->forgot());
}

TEST_F(StreamGroupLivesTest, AnOperatorMakesAGroupOfWhatIsLeft) {
  founded(true).reset();
  disk.cut_power(sim::survival::all);
  ASSERT_TRUE(open(true)->forgot());
  const auto left = find_left_groups(world, "/rt/market");
  ASSERT_TRUE(left) << to_string(left.failure());
  ASSERT_EQ(left->size(), 1u);
  EXPECT_FALSE(make_group(world, "/rt/market", left->front(), node_id{2},
                          group_generation{1}));
  auto group = open(true);
  ASSERT_TRUE(group->founded());
  EXPECT_EQ(group->founding().generation, group_generation{1});
  EXPECT_TRUE(group->raft()->members().is_alone(group->self()));
}

TEST(RaftWireTest, ATermThatNoGroupReachesIsRefused) {
  raft_message message;
  message.term = raft_term{~uint64_t{0}};
  message.body = raft_timeout_now{};
  EXPECT_EQ(decode_raft_message(encode(message)).failure().code,
            errc::malformed_message);
  message.term = raft_term{7};
  EXPECT_TRUE(decode_raft_message(encode(message)));
}

TEST(RaftWireTest, ASnapshotTravels) {
  const raft_snapshot what{
    raft_term{7},
    {{entry_index{40}, raft_term{6}}, founding_of_three().members},
    12'345};
  const auto again = decode_raft_snapshot(encode(what));
  ASSERT_TRUE(again) << to_string(again.failure());
  EXPECT_EQ(*again, what);
}

TEST(MergeEntryTest, ADirectoryOfAnInputIsAPlainName) {
  const std::string longest(255, 'a');
  for (const auto& name :
       {std::string{}, std::string{"."}, std::string{".."}, std::string{"../x"},
        std::string{"a/b"}, std::string{".hidden"}, longest + 'a'}) {
    EXPECT_FALSE(is_input_directory(name)) << name;
    EXPECT_FALSE(decode_merge_entry(
      encode(merge_entry{open_input{input_id{1}, name, {{1, 2}}}})))
      << name;
  }
  EXPECT_TRUE(is_input_directory("host.market"));
  EXPECT_TRUE(is_input_directory(longest));
}

} // namespace
} // namespace millrace::rt
