#include <millrace/actors/torq/rdb/table_join.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

persistence::hdb_part part(const char* stream, const char* table, uint64_t from,
                           uint64_t to, int64_t period) {
  persistence::hdb_part out;
  out.stream = stream;
  out.table = table;
  out.from = position{from};
  out.to = position{to};
  out.period = period;
  return out;
}

table_schema named(const char* name) {
  table_schema out;
  out.name = name;
  return out;
}

TEST(TableJoinTest, IsBehindWhatTheSlowestTableHas) {
  persistence::hdb_manifest manifest;
  manifest.parts
    = {part("market", "trade", 0, 10, 1), part("market", "trade", 10, 20, 2),
       part("market", "quote", 0, 10, 1), part("other", "trade", 0, 99, 9)};
  const std::vector<table_schema> held{named("trade"), named("quote")};
  const auto fresh = standing_of(manifest, "market", held, "tick");
  EXPECT_EQ(fresh.cutover, position{});
  EXPECT_EQ(fresh.behind, (empty_range{1, position{}, position{10}}));
  // One that was held before goes on from where it ended.
  manifest.parts.push_back(part("market", "old", 0, 5, 0));
  const auto old = standing_of(manifest, "market", held, "old");
  EXPECT_EQ(old.cutover, position{5});
  EXPECT_EQ(old.behind, (empty_range{1, position{5}, position{10}}));
}

TEST(TableJoinTest, IsBehindNothingThatIsNotWritten) {
  persistence::hdb_manifest manifest;
  const std::vector<table_schema> held{named("trade"), named("quote")};
  EXPECT_EQ(standing_of(manifest, "market", held, "tick").behind, std::nullopt);
  manifest.parts = {part("market", "trade", 0, 10, 1)};
  EXPECT_EQ(standing_of(manifest, "market", held, "tick").behind, std::nullopt);
  manifest.parts.push_back(part("market", "quote", 0, 10, 1));
  manifest.parts.push_back(part("market", "tick", 0, 10, 1));
  EXPECT_EQ(standing_of(manifest, "market", held, "tick").behind, std::nullopt);
  EXPECT_EQ(standing_of(manifest, "market", held, "tick").cutover,
            position{10});
  EXPECT_EQ(standing_of(manifest, "market", {}, "more").behind, std::nullopt);
}

TEST(UndeclaredBatchesTest, KeepsTheLastOfEachNameAndOfAllOthers) {
  undeclared_batches met;
  met.met("a", position{1});
  met.met("a", position{3});
  EXPECT_EQ(met.last("a"), position{3});
  EXPECT_EQ(met.last("b"), position{});
  for (size_t i = 0; i < undeclared_batches::names_max; ++i)
    met.met("t" + std::to_string(i), position{10 + i});
  // It may have been any of those that are not kept.
  EXPECT_GT(met.last("b"), position{});
  EXPECT_EQ(met.last("a"), position{3});
}

} // namespace
} // namespace millrace::torq
