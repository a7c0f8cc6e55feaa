// Ids that jump, and who writes an origin, as the merge has them.

#include "merge_core_fixture.hpp"

namespace millrace::rt {
namespace {

/// One stream, with ids that jump; its state went through its bytes.
TEST_F(MergeCoreTest, MonotonicIdsJumpWithoutAGapAndAreDroppedByTheLastOne) {
  out.reset();
  ASSERT_FALSE(disk.remove_all("out"));
  start(roll_bytes, id_policy::monotonic);
  open_input(1, "a");
  merge(1, "a", {{-900, "p1"}, {-7, "p2"}, {3, "p3"}});
  merge(1, "a", {{3, "p3"}, {-7, "p2"}, {2, "never there"}, {50, "p4"}});
  merge(1, "a", {{-900, "other"}, {51, "p5"}, {1'000'000, "p6"}});
  const auto again = [this] {
    auto state = decode_merge_state(encode(core->state()));
    ASSERT_TRUE(state) << to_string(state.failure());
    EXPECT_EQ(state->layout, core->state().layout);
    EXPECT_EQ(encode(*state), encode(core->state()));
    core = std::make_unique<merge_core>(*std::move(state), *out);
  };
  again();
  merge(1, "a", {{50, "changed"}, {51, "p5"}, {-1'000'001, "old"}});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{-900, -7, 3, 50, 51, 1'000'000}));
  ASSERT_EQ(log.events.size(), 2u);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(log.events[i].kind, event_kind::id_conflict);
  EXPECT_EQ(log.events[0].first_id, -900);
  EXPECT_EQ(log.events[1].first_id, 50);
  EXPECT_EQ(core->state().origins.at("a").duplicates, 7u);
  EXPECT_EQ(core->state().origins.at("a").watermark, 1'000'000);
}

// Each node has its own way to a state: the bytes of it are the same.
TEST_F(MergeCoreTest, SumsOfIdsThatJumpAreKeptOfTheNewestAlone) {
  out.reset();
  ASSERT_FALSE(disk.remove_all("out"));
  start(roll_bytes, id_policy::monotonic);
  open_input(1, "a");
  constexpr auto most = static_cast<int64_t>(sparse_window::size_max);
  std::vector<sent> messages;
  for (int64_t i = 1; i <= most + 100; ++i) {
    messages.push_back({10 * i, "p"});
    if (i == most / 2) {
      merge(1, "a", std::exchange(messages, {}));
      auto state = decode_merge_state(encode(core->state()));
      core = std::make_unique<merge_core>(*std::move(state), *out);
    }
  }
  merge(1, "a", messages);
  const auto& window = core->state().origins.at("a").recent_apart;
  EXPECT_EQ(window.size(), sparse_window::size_max);
  EXPECT_EQ(window.of(10 * 100), std::nullopt);
  EXPECT_EQ(window.of(1011), std::nullopt);
  for (int64_t i = 101; i <= most + 100; ++i)
    ASSERT_NE(window.of(10 * i), std::nullopt) << i;
  auto state = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(state);
  EXPECT_EQ(encode(*state), encode(core->state()));
}

/// The next entry says that a life of this log's publisher writes an origin.
struct claim_case {
  uint32_t input;
  uint64_t life;
  uint64_t after;
  bool shared = false;
};

TEST_F(MergeCoreTest, ALaterWriterOfAnOriginFencesTheEarlier) {
  const auto claim = [this](const claim_case& of) {
    effects.clear();
    ASSERT_TRUE(apply(
      claim_origin{"q", input_id{of.input}, of.life, of.after, of.shared}));
  };
  const auto told = [this]() -> const origin_claimed* {
    return effects.empty() ? nullptr
                           : std::get_if<origin_claimed>(&effects.front());
  };
  open_input(1, "a");
  open_input(2, "b");
  claim({1, 11, 0});
  ASSERT_NE(told(), nullptr);
  EXPECT_EQ(told()->epoch, 1u);
  EXPECT_TRUE(told()->fenced.empty());
  merge(1, "q", {{1, "a1"}, {2, "a2"}});
  claim({2, 22, 0}); // It has not heard of the first.
  EXPECT_EQ(told(), nullptr);
  claim({2, 22, 1});
  ASSERT_NE(told(), nullptr);
  ASSERT_EQ(told()->fenced.size(), 1u);
  EXPECT_EQ(told()->fenced[0].input, input_id{1});
  EXPECT_EQ(told()->fenced[0].life, 11u);
  const auto end = core->state().inputs.at(input_id{1}).merged_end;
  const auto late = merge(1, "q", {{3, "a3"}, {4, "a4"}, {5, "a5"}});
  EXPECT_FALSE(core->needs(late.first));
  EXPECT_EQ(core->state().inputs.at(input_id{1}).merged_end, end);
  merge(2, "q", {{3, "b3"}, {4, "b4"}});
  // As it is after a restart.
  auto state = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(state) << to_string(state.failure());
  EXPECT_EQ(encode(*state), encode(core->state()));
  core = std::make_unique<merge_core>(*std::move(state), *out);
  EXPECT_FALSE(core->needs(late.first));
  EXPECT_EQ(read_out().payloads,
            (std::vector<std::string>{"a1", "a2", "b3", "b4"}));
  EXPECT_TRUE(read_out().events.empty());
  // The first comes back in another life: what it had is sent now, and dropped
  // where it is too late.
  claim({1, 12, 2});
  ASSERT_NE(told(), nullptr);
  EXPECT_EQ(told()->fenced[0].input, input_id{2});
  ASSERT_TRUE(apply(late.first, late.second));
  const auto log = read_out();
  EXPECT_EQ(log.payloads,
            (std::vector<std::string>{"a1", "a2", "b3", "b4", "a5"}));
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[0].kind, event_kind::id_conflict);
  EXPECT_EQ(log.events[0].first_id, 3);
}

TEST_F(MergeCoreTest, WritersOfAReplicatedOriginStayAndTheFirstOfEachIdWins) {
  open_input(1, "a");
  open_input(2, "b");
  ASSERT_TRUE(apply(claim_origin{"q", input_id{1}, 11, 0, true}));
  ASSERT_TRUE(apply(claim_origin{"q", input_id{2}, 22, 1, true}));
  merge(1, "q", {{1, "p1"}, {2, "p2"}});
  merge(2, "q", {{1, "p1"}, {2, "p2"}, {3, "p3"}});
  merge(1, "q", {{3, "other"}, {4, "p4"}});
  auto log = read_out();
  EXPECT_EQ(log.payloads, (std::vector<std::string>{"p1", "p2", "p3", "p4"}));
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events[0].kind, event_kind::id_conflict);
  EXPECT_EQ(core->state().origins.at("q").duplicates, 3u);
  // It is not declared any more: who comes next is alone.
  open_input(3, "c");
  ASSERT_TRUE(apply(claim_origin{"q", input_id{3}, 33, 2}));
  merge(1, "q", {{5, "a5"}});
  merge(2, "q", {{5, "b5"}});
  merge(3, "q", {{5, "c5"}});
  EXPECT_EQ(read_out().payloads.back(), "c5");
  EXPECT_EQ(read_out().payloads.size(), 5u);
}

/// What a fenced life left in its log has the ids of another writer by now.
TEST_F(MergeCoreTest,
       AFencedLogLeavesNothingOfItsOriginAlsoAsAWriterOfAnother) {
  open_input(1, "a");
  open_input(2, "b");
  ASSERT_TRUE(apply(claim_origin{"q", input_id{1}, 11, 0}));
  merge(1, "q", {{1, "a1"}});
  ASSERT_TRUE(apply(claim_origin{"q", input_id{2}, 22, 1}));
  const auto left = merge(1, "q", {{2, "a2"}, {3, "a3"}});
  ASSERT_TRUE(apply(claim_origin{"r", input_id{1}, 12, 0}));
  // As it is after a restart.
  auto state = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(state) << to_string(state.failure());
  EXPECT_EQ(encode(*state), encode(core->state()));
  core = std::make_unique<merge_core>(*std::move(state), *out);
  ASSERT_TRUE(apply(left.first, left.second));
  merge(1, "r", {{1, "r1"}});
  merge(2, "q", {{2, "b2"}});
  EXPECT_EQ(read_out().payloads, (std::vector<std::string>{"a1", "r1", "b2"}));
  EXPECT_TRUE(read_out().events.empty());
  EXPECT_EQ(core->state().origins.at("q").duplicates, 2u);
  // It is whole again when it claims that origin.
  ASSERT_TRUE(apply(claim_origin{"q", input_id{1}, 13, 2}));
  merge(1, "q", {{3, "a3"}});
  EXPECT_EQ(read_out().payloads.back(), "a3");
}

TEST_F(MergeCoreTest, ALogWritesTheOriginThatItsLastLifeClaimed) {
  open_input(1, "a");
  open_input(2, "b");
  ASSERT_TRUE(apply(claim_origin{"q", input_id{1}, 11, 0}));
  ASSERT_TRUE(apply(claim_origin{"r", input_id{1}, 12, 0}));
  ASSERT_TRUE(apply(claim_origin{"q", input_id{2}, 22, 1}));
  merge(1, "r", {{1, "r1"}});
  merge(2, "q", {{1, "q1"}});
  EXPECT_EQ(read_out().payloads, (std::vector<std::string>{"r1", "q1"}));
  // One that is closed claims nothing.
  open_input(3, "b");
  const auto epoch = core->state().claims.at("q").epoch;
  ASSERT_TRUE(apply(claim_origin{"q", input_id{2}, 23, epoch}));
  ASSERT_TRUE(apply(claim_origin{"q", input_id{9}, 24, epoch}));
  EXPECT_EQ(core->state().claims.at("q").epoch, epoch);
}

} // namespace
} // namespace millrace::rt
