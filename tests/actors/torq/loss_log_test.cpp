#include <millrace/actors/torq/rdb/loss_log.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

stream_event event_of(event_kind kind, uint64_t from, uint64_t to) {
  stream_event out;
  out.kind = kind;
  out.from = {from};
  out.to = {to};
  return out;
}

TEST(LossLogTest, AllButSchemasAreLosses) {
  for (const auto kind :
       {event_kind::badtail, event_kind::reset, event_kind::gap,
        event_kind::pruned, event_kind::ahead, event_kind::id_conflict})
    EXPECT_TRUE(is_loss(event_of(kind, 1, 2))) << to_string(kind);
  EXPECT_FALSE(is_loss(event_of(event_kind::schema, 1, 2)));
}

TEST(LossLogTest, TouchesTheRowsAroundItAndNoOthers) {
  loss_log log;
  log.add(event_of(event_kind::badtail, 100, 200));
  struct range {
    uint64_t from;
    uint64_t to;
    uint64_t expected;
  };
  for (const auto& each : std::vector<range>{{0, 99, 0},
                                             {0, 100, 1},
                                             {0, 1000, 1},
                                             {150, 160, 1},
                                             {199, 1000, 1},
                                             {200, 1000, 0}})
    EXPECT_EQ(log.count({each.from}, {each.to}), each.expected)
      << each.from << " " << each.to;
  log.forget({199});
  EXPECT_EQ(log.count({0}, {1000}), 1u);
  log.forget({200});
  EXPECT_EQ(log.count({0}, {1000}), 0u);
  EXPECT_EQ(log.count(), 1u);
}

TEST(LossLogTest, SaysWhatWhereAndOfWhom) {
  loss_log log;
  auto gap = event_of(event_kind::gap, 100, 160);
  gap.origin = "feed1";
  gap.first_id = 7;
  gap.last_id = 9;
  gap.cause = "ids missing";
  log.add(gap);
  EXPECT_EQ(log.last(),
            "gap at log.0.0 @ 100, origin 'feed1', ids 7 to 9: ids missing");
  EXPECT_EQ(persistence::lines_of(log.places({0}, {1000})),
            std::vector<std::string>{log.last()});
}

TEST(LossLogTest, ManyAreCountedAndTakeNoMoreRoom) {
  loss_log log;
  const uint64_t many = 5 * loss_log::kept_max;
  for (uint64_t i = 1; i <= many; ++i)
    log.add(event_of(event_kind::reset, i * 10, i * 10 + 1));
  EXPECT_EQ(log.count(), many);
  EXPECT_EQ(log.count({0}, {many * 10 + 1}), many);
  const auto lines = persistence::lines_of(log.places({0}, {many * 10 + 1}));
  EXPECT_EQ(lines.size(), 11u);
  EXPECT_EQ(lines.back(), "and " + std::to_string(many - 10) + " more");
}

} // namespace
} // namespace millrace::torq
