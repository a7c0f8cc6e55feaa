#include <millrace/actors/torq/rdb/written_state.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

table_schema table_named(const char* name) {
  table_schema out;
  out.name = name;
  return out;
}

persistence::hdb_part part_of(const char* stream, const char* table,
                              uint64_t to) {
  persistence::hdb_part out;
  out.stream = stream;
  out.table = table;
  out.to = {to};
  return out;
}

TEST(WrittenStateTest, IsOfTheTablesThatAreAskedFor) {
  persistence::hdb_manifest manifest;
  manifest.version = 7;
  manifest.parts
    = {part_of("market", "trade", 100), part_of("market", "quote", 60),
       part_of("other", "order", 900)};
  manifest.lives["market"] = {{1, 2}};
  const auto of = [&](std::vector<table_schema> tables) {
    return written_state_of(manifest, "market", tables);
  };
  const auto both = of({table_named("trade"), table_named("quote")});
  EXPECT_EQ(both.version, manifest_version{7});
  EXPECT_EQ(both.cutover, position{60});
  EXPECT_EQ(both.held_to, position{100});
  EXPECT_EQ(both.life, (lineage_id{{1, 2}}));
  EXPECT_EQ(of({table_named("trade")}).cutover, position{100});
  // One that joins has nothing yet; the stream's life counts all the same.
  const auto joins = of({table_named("trade"), table_named("depth")});
  EXPECT_EQ(joins.cutover, position{});
  EXPECT_EQ(joins.life, (lineage_id{{1, 2}}));
  EXPECT_FALSE(written_state_of(manifest, "other", {table_named("order")})
                 .life.is_known());
}

TEST(WrittenStateTest, CountsWhatWasLostInEarlierLives) {
  persistence::hdb_manifest manifest;
  using persistence::hdb_loss;
  manifest.losses
    = {{hdb_loss::stream_event, "market", "", {1}, {2}, 3, "of all"},
       {hdb_loss::stream_event, "market", "quote", {1}, {2}, 5, "of quote"},
       {hdb_loss::stream_event, "other", "", {1}, {2}, 7, "of another"},
       {hdb_loss::rejects, "market", "trade", {1}, {1}, 11, "rejected"}};
  const auto state
    = written_state_of(manifest, "market", {table_named("trade")});
  EXPECT_EQ(state.losses, 3u);
  EXPECT_EQ(state.last_loss, "of all");
  EXPECT_EQ(state.rejected_batches, 11u);
  EXPECT_EQ(state.last_reject, "rejected");
}

} // namespace
} // namespace millrace::torq
