#include <millrace/actors/torq/hdb/partition_losses.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

constexpr int64_t day_ns = 86'400'000'000'000;

table_schema table_of_version(uint32_t version) {
  table_schema out;
  out.name = "trade";
  out.version = version;
  if (version > 1)
    out.columns.push_back({"price", column_type::float_});
  out.columns.push_back({"time", column_type::timestamp});
  out.columns.push_back({"sym", column_type::symbol});
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

persistence::hdb_part part_of(int64_t date, uint64_t from, uint64_t to) {
  persistence::hdb_part out;
  out.stream = "market";
  out.table = "trade";
  out.period = date;
  out.partition = persistence::date_partition_name(date);
  out.from = {from};
  out.to = {to};
  out.row_count = 1;
  out.zones = {{false, date * day_ns, date * day_ns + 1, 0, 0}, {}};
  return out;
}

/// Ten positions per day: day 10, day 11, and late rows of day 3 in the range
/// of day 12, which has none of its own.
persistence::hdb_manifest three_days() {
  persistence::hdb_manifest out;
  out.schemas = {table_of_version(1), table_of_version(2)};
  out.parts = {part_of(10, 100, 110), part_of(11, 110, 120)};
  auto late = part_of(12, 120, 130);
  late.partition = persistence::date_partition_name(3);
  late.zones[0] = {false, 3 * day_ns, 3 * day_ns + 1, 0, 0};
  out.parts.push_back(late);
  return out;
}

persistence::hdb_loss loss_of(const std::string& stream, uint64_t from,
                              uint64_t to, const std::string& text) {
  persistence::hdb_loss out;
  out.stream = stream;
  out.from = {from};
  out.to = {to};
  out.text = text;
  return out;
}

query::logical_plan plan_of(int64_t first_day, int64_t last_day) {
  query::logical_plan out;
  out.table = "trade";
  out.types = table_of_version(2).columns;
  out.time_column = out.order_column = "time";
  out.range = {first_day * day_ns, (last_day + 1) * day_ns - 1};
  return out;
}

TEST(PartitionLossesTest, AreThoseOfRangesWhoseDatesArePartOfTheQuestion) {
  const auto loss = loss_of("market", 113, 115, "lost");
  const auto at_border = loss_of("market", 120, 120, "border");
  const auto of_late = loss_of("market", 125, 130, "late");
  const auto of_orders = loss_of("orders", 113, 115, "orders");
  auto of_quotes = loss_of("market", 113, 115, "quotes");
  of_quotes.table = "quote";
  struct {
    int64_t first;
    int64_t last;
    std::vector<std::string> expected;
  } const cases[] = {
    {10, 12, {"lost", "border", "late"}},
    // The rows that were lost may have been of the day before or after.
    {11, 11, {"lost", "border", "late"}},
    {10, 10, {"lost", "border"}},
    {13, 20, {"late"}},
    {14, 20, {}},
    {12, 12, {"lost", "border", "late"}},
    {3, 3, {"late"}},
    {4, 8, {"late"}},
    {5, 8, {}},
  };
  auto manifest = three_days();
  manifest.losses = {loss, at_border, of_late, of_orders, of_quotes};
  const auto table = table_of_version(2);
  for (const auto& each : cases)
    EXPECT_EQ(
      losses_among(manifest, plan_of(each.first, each.last), "market", &table),
      each.expected)
      << each.first << " to " << each.last;
}

TEST(PartitionLossesTest, WhatIsLostAtTheBeginMayBeOfAnyDateBefore) {
  auto manifest = three_days();
  manifest.parts.front().from = position{};
  // With a row that came a year early.
  auto early = manifest.parts.front();
  early.partition = persistence::date_partition_name(400);
  early.zones[0] = {false, 400 * day_ns, 400 * day_ns + 1, 0, 0};
  manifest.parts.push_back(early);
  manifest.losses
    = {loss_of("market", 0, 1, "gone"), loss_of("market", 105, 106, "later"),
       // A table that comes late is read from the begin.
       loss_of("market", 0, 90, "pruned")};
  const auto lines = [&](int64_t from, int64_t to) {
    const auto table = table_of_version(2);
    return losses_among(manifest, plan_of(from, to), "market", &table);
  };
  EXPECT_EQ(lines(2, 2), std::vector<std::string>{"gone"});
  EXPECT_EQ(lines(2, 30),
            (std::vector<std::string>{"gone", "later", "pruned"}));
  EXPECT_EQ(lines(10, 10),
            (std::vector<std::string>{"gone", "later", "pruned"}));
  EXPECT_EQ(lines(13, 30), std::vector<std::string>{});
}

TEST(PartitionLossesTest, AreAllWhereTimesTellNoDate) {
  const auto loss = loss_of("market", 113, 115, "lost");
  const auto table = table_of_version(2);
  auto manifest = three_days();
  manifest.losses = {loss};
  const std::vector<std::string> told{"lost"};
  auto plan = plan_of(50, 60);
  EXPECT_EQ(losses_among(manifest, plan, "market", nullptr), told);
  plan.time_column = "sent";
  EXPECT_EQ(losses_among(manifest, plan, "market", &table), told);
  plan.range.reset();
  EXPECT_EQ(losses_among(manifest, plan, "market", &table), told);
}

} // namespace
} // namespace millrace::torq
