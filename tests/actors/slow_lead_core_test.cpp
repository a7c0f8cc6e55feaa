#include <millrace/actors/rt/sequence/disk_pace.hpp>
#include <millrace/actors/rt/sequence/slow_lead.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {
namespace {

constexpr int64_t ms = 1'000'000;
constexpr int64_t second = 1000 * ms;

// -- disk_pace ----------------------------------------------------------------

/// @returns when the last one ended
int64_t sync_all(disk_pace& pace, std::vector<int64_t> took_ms,
                 int64_t now_ns) {
  for (const auto took : took_ms) {
    pace.began(1, now_ns);
    now_ns += took * ms;
    pace.ended(1, now_ns);
  }
  return now_ns;
}

TEST(DiskPaceTest, TellsTheMedianOfTheNewest) {
  disk_pace pace;
  EXPECT_EQ(pace.sync_ns(0), std::nullopt);
  auto now = sync_all(pace, {3}, 0);
  EXPECT_EQ(pace.sync_ns(now), 3 * ms);
  now = sync_all(pace, {900, 5, 4}, now);
  EXPECT_EQ(pace.sync_ns(now), 4 * ms);
  // Old ones count no more, and at last there are none.
  now = sync_all(pace, {700}, now + disk_pace::window_ns);
  EXPECT_EQ(pace.sync_ns(now), 700 * ms);
  EXPECT_EQ(pace.sync_ns(now + disk_pace::window_ns), std::nullopt);
}

TEST(DiskPaceTest, CountsNoMoreThanTheNewest) {
  disk_pace pace;
  auto now = sync_all(pace, std::vector<int64_t>(1000, 1), 0);
  EXPECT_EQ(pace.sync_ns(now), 1 * ms);
  now = sync_all(pace, std::vector<int64_t>(disk_pace::samples_max, 7), now);
  EXPECT_EQ(pace.sync_ns(now), 7 * ms);
}

TEST(DiskPaceTest, OneThatDoesNotEndStandsForAll) {
  disk_pace pace;
  const auto begun = sync_all(pace, {3, 3, 3}, 0);
  pace.began(2, begun);
  pace.began(2, begun + second); // It is the same one.
  auto now = sync_all(pace, {3, 3}, begun + disk_pace::stuck_ns - 10 * ms);
  EXPECT_EQ(pace.sync_ns(now), 3 * ms);
  EXPECT_EQ(pace.sync_ns(begun + disk_pace::stuck_ns), disk_pace::stuck_ns);
  pace.ended(2, begun + 3 * second);
  EXPECT_EQ(pace.sync_ns(begun + 3 * second), 3 * ms);
  // Nobody waits for one whose file is gone.
  pace.began(3, begun);
  pace.forget(3);
  pace.ended(3, begun + 3 * second);
  EXPECT_EQ(pace.sync_ns(begun + 3 * second), 3 * ms);
}

// -- slow_lead ----------------------------------------------------------------

member_id numbered(uint64_t number) {
  return {node_id{number}, incarnation_id{number}};
}

/// Of another member.
slow_lead::other other_node(uint64_t number, std::optional<int64_t> sync_ms,
                            uint64_t durable = 10, bool is_heard = true) {
  return {numbered(number),
          sync_ms ? std::optional{*sync_ms * ms} : std::nullopt, is_heard,
          entry_index{durable}};
}

slow_lead::facts node_facts(bool leads, std::optional<int64_t> sync_ms,
                            std::vector<slow_lead::other> others) {
  return {leads, sync_ms ? std::optional{*sync_ms * ms} : std::nullopt,
          entry_index{10}, std::move(others)};
}

/// What comes of facts that stay as they are.
struct lead_outcome {
  bool slow = false;
  std::vector<uint64_t> to;
  std::vector<int64_t> at_s;
};

lead_outcome judge_for(slow_lead& judge, const slow_lead::facts& now,
                       int64_t from_ns, int64_t until_ns) {
  lead_outcome out;
  for (auto at = from_ns; at < until_ns; at += 20 * ms) {
    const auto verdict = judge.judge(now, at);
    out.slow = verdict.slow;
    if (verdict.to) {
      out.to.push_back(verdict.to->node.value);
      out.at_s.push_back(at / second);
    }
  }
  return out;
}

TEST(SlowLeadTest, SaysWhoIsToLead) {
  struct row {
    std::string what;
    slow_lead::facts now;
    bool slow;
    std::optional<uint64_t> to;
  };
  const row rows[] = {
    {"all are quick",
     node_facts(true, 5, {other_node(2, 2), other_node(3, 5)}),
     false,
     {}},
    {"the bound itself is not slow",
     node_facts(true, 250, {other_node(2, 2), other_node(3, 5)}),
     false,
     {}},
    {"the quickest",
     node_facts(true, 251, {other_node(2, 5), other_node(3, 2)}), true, 3},
    {"the furthest",
     node_facts(true, 400, {other_node(2, 9, 12), other_node(3, 2, 11)}), true,
     2},
    {"one that is slow is not asked",
     node_facts(true, 2000, {other_node(2, 400, 12), other_node(3, 200)}), true,
     3},
    {"all are slow",
     node_facts(true, 5000, {other_node(2, 251), other_node(3, 300)}),
     false,
     {}},
    {"half as long at most",
     node_facts(true, 300, {other_node(2, 151), other_node(3, 250)}),
     false,
     {}},
    {"nobody says what its syncs take",
     node_facts(true, 5000, {other_node(2, {}), other_node(3, {})}),
     false,
     {}},
    {"what takes long here is not known",
     node_facts(true, {}, {other_node(2, 5), other_node(3, 5)}),
     false,
     {}},
    {"one that is behind is not asked",
     node_facts(true, 900, {other_node(2, 5, 9), other_node(3, 7, 10)}), true,
     3},
    {"nor one that is not heard",
     node_facts(true, 900, {other_node(2, 5, 12, false), other_node(3, 7)}),
     true, 3},
    {"nobody can take it",
     node_facts(true, 900, {other_node(2, 5, 9), other_node(3, 7, 10, false)}),
     true,
     {}},
    {"one that follows hands over nothing",
     node_facts(false, 900, {other_node(2, 5), other_node(3, 7)}),
     true,
     {}},
    {"a group of one", node_facts(true, 900, {}), false, {}},
  };
  for (const auto& each : rows) {
    slow_lead judged;
    const auto got
      = judge_for(judged, each.now, 0, slow_lead::settled_ns + second);
    EXPECT_EQ(got.slow, each.slow) << each.what;
    EXPECT_EQ(got.to, each.to ? std::vector{*each.to} : std::vector<uint64_t>{})
      << each.what;
    EXPECT_EQ(judged.hand_overs(), got.to.size()) << each.what;
  }
}

TEST(SlowLeadTest, AShortWhileIsNotEnough) {
  slow_lead judged;
  const auto slow = node_facts(true, 900, {other_node(2, 5), other_node(3, 7)});
  const auto quick = node_facts(true, 5, {other_node(2, 5), other_node(3, 7)});
  auto now = 20 * second;
  (void)judge_for(judged, quick, 0, now);
  for (int i = 0; i < 20; ++i) {
    const auto until = now + slow_lead::patience_ns - 20 * ms;
    EXPECT_FALSE(judge_for(judged, slow, now, until).slow);
    EXPECT_FALSE(judge_for(judged, quick, until, until + 40 * ms).slow);
    now = until + 40 * ms;
  }
  EXPECT_EQ(judged.hand_overs(), 0u);
  const auto got
    = judge_for(judged, slow, now, now + slow_lead::patience_ns + second);
  EXPECT_EQ(got.to, std::vector<uint64_t>{2});
}

TEST(SlowLeadTest, ANewLeaderIsLeftInPeace) {
  slow_lead judged;
  const auto others = std::vector{other_node(2, 5), other_node(3, 7)};
  (void)judge_for(judged, node_facts(false, 900, others), 0, 60 * second);
  const auto got = judge_for(judged, node_facts(true, 900, others), 60 * second,
                             70 * second + 40 * ms);
  EXPECT_EQ(got.at_s, std::vector<int64_t>{70});
}

TEST(SlowLeadTest, ANodeDoesNotHandOverAgainSoon) {
  slow_lead judged;
  const auto others = std::vector{other_node(2, 5), other_node(3, 7)};
  // Nobody takes the lead.
  const auto got
    = judge_for(judged, node_facts(true, 900, others), 0, 75 * second);
  EXPECT_EQ(got.at_s, (std::vector<int64_t>{10, 40, 70}));
  EXPECT_EQ(judged.hand_overs(), 3u);
}

// Method: what is slow goes from node to node as fast as it can, three nodes
// judge, and each hand-over succeeds.
TEST(SlowLeadTest, TheLeadDoesNotGoToAndFro) {
  for (int64_t turn_s = 1; turn_s <= 30; ++turn_s) {
    std::vector<slow_lead> nodes(3);
    size_t leader = 0;
    int64_t changes = 0;
    constexpr int64_t lasts_s = 300;
    for (int64_t now = 0; now < lasts_s * second; now += 20 * ms) {
      const auto slow = static_cast<size_t>(now / (turn_s * second)) % 3;
      const auto took = [&](size_t node) { return node == slow ? 900 : 5; };
      const auto before = leader;
      for (size_t i = 0; i < 3; ++i) {
        std::vector<slow_lead::other> others;
        for (size_t j = 0; j < 3; ++j)
          if (j != i)
            others.push_back(other_node(j, took(j)));
        const auto said
          = nodes[i].judge(node_facts(i == before, took(i), others), now);
        if (said.to)
          leader = said.to->node.value;
      }
      changes += leader == before ? 0 : 1;
    }
    EXPECT_LE(changes, lasts_s * second / slow_lead::settled_ns) << turn_s;
    if (turn_s >= 15) {
      EXPECT_GT(changes, 0) << turn_s;
    }
  }
}

} // namespace
} // namespace millrace::rt
