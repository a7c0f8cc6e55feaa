#include <millrace/actors/torq/hdb/unread_partitions.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

constexpr int64_t hour = 3'600'000'000'000;

table_schema trade_table(int64_t roll_offset_ns) {
  table_schema out;
  out.name = "trade";
  out.columns
    = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
  out.time_column = "time";
  out.symbol_column = "sym";
  out.roll_zone = "UTC";
  out.roll_offset_ns = roll_offset_ns;
  return out;
}

/// Nothing was written of any table.
const std::optional<std::set<persistence::table_roll>> no_rolls
  = std::set<persistence::table_roll>{};

// 2000.01.03 is day 2.
TEST(UnreadPartitionsTest, TimesOfOtherDatesHaveNoRows) {
  struct {
    std::vector<persistence::directory_entry> there;
    int64_t offset_hours;
    int64_t first_hour;
    int64_t last_hour;
    bool none;
  } const cases[] = {
    {{}, 0, 0, 1000, true},
    {{{"2000.01.02", true}}, 0, 48, 71, true},
    {{{"2000.01.02", true}}, 0, 47, 71, false},
    {{{"2000.01.04", true}}, 0, 48, 71, true},
    {{{"2000.01.04", true}}, 0, 48, 72, false},
    {{{"2000.01.03", true}}, 0, 50, 60, false},
    // A day that begins at six.
    {{{"2000.01.02", true}}, 6, 48, 71, false},
    {{{"2000.01.02", true}}, 6, 54, 71, true},
    // What is no partition, and what may be any.
    {{{"manifest", false}, {".announced", false}}, 0, 50, 60, true},
    {{{"2000.01.03", false}}, 0, 50, 60, true},
    {{{"late", true}}, 0, 50, 60, false},
  };
  for (const auto& each : cases) {
    const auto table = trade_table(each.offset_hours * hour);
    query::logical_plan plan;
    plan.table = table.name;
    plan.types = table.columns;
    plan.time_column = plan.order_column = "time";
    plan.range = {each.first_hour * hour, each.last_hour * hour};
    EXPECT_EQ(none_holds_rows_of(each.there, plan, table, no_rolls), each.none)
      << each.first_hour << " to " << each.last_hour;
    plan.range.reset();
    EXPECT_FALSE(none_holds_rows_of(each.there, plan, table, no_rolls));
  }
}

TEST(UnreadPartitionsTest, TimesThatAreNotAskedForTellDatesToo) {
  const auto table = trade_table(0);
  query::logical_plan plan;
  plan.table = table.name;
  plan.types = table.columns;
  plan.time_column = plan.order_column = "time";
  plan.filters = {{"time",
                   query::predicate_op::within,
                   true,
                   {query::literal{24 * hour}, query::literal{48 * hour - 1}}}};
  const auto none = [&](const char* directory) {
    return none_holds_rows_of({{directory, true}}, plan, table, no_rolls);
  };
  EXPECT_TRUE(none("2000.01.02"));
  EXPECT_FALSE(none("2000.01.01"));
  EXPECT_FALSE(none("2000.01.03"));
  EXPECT_FALSE(none("late"));
}

// 2000.01.03, under a rule that is not that of today, or may be any.
TEST(UnreadPartitionsTest, ThePartitionsTellByWhichRuleTheyWereMade) {
  const persistence::table_roll utc{"trade", "UTC", 0};
  const persistence::table_roll early{"trade", "UTC", -7 * hour};
  const persistence::table_roll nowhere{"trade", "No/Where", 0};
  const persistence::table_roll other{"quote", "UTC", -7 * hour};
  struct {
    std::optional<std::set<persistence::table_roll>> rolls;
    int64_t offset_hours; ///< Of today's rule.
    int64_t first_hour;
    int64_t last_hour;
    bool none;
  } const cases[] = {
    // 18:00 of 2000.01.03 is of the next date today, and was not.
    {{{utc}}, -7, 65, 67, false},
    {no_rolls, -7, 65, 67, true},
    {{{other}}, -7, 65, 67, true},
    {{{utc, other}}, -7, 73, 80, true},
    // And the other way round: it was of the date before.
    {{{early}}, 0, 41, 47, false},
    {{{early, utc}}, 0, 40, 40, true},
    {{{nowhere}}, 0, 1000, 1001, false},
    // Any rule.
    {std::nullopt, 0, 1, 5, false},
    {std::nullopt, 0, 119, 119, false},
    {std::nullopt, 0, 120, 125, true},
    {std::nullopt, 0, -30, -1, true},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.first_hour);
    const auto table = trade_table(each.offset_hours * hour);
    query::logical_plan plan;
    plan.table = table.name;
    plan.types = table.columns;
    plan.time_column = plan.order_column = "time";
    plan.range = {each.first_hour * hour, each.last_hour * hour};
    EXPECT_EQ(
      none_holds_rows_of({{"2000.01.03", true}}, plan, table, each.rolls),
      each.none);
  }
}

TEST(UnreadPartitionsTest, ATimeOfAnotherColumnTellsNoDate) {
  auto table = trade_table(0);
  table.columns.push_back({"seen", column_type::timestamp});
  query::logical_plan plan;
  plan.table = table.name;
  plan.types = table.columns;
  plan.order_column = "time";
  plan.time_column = "seen";
  plan.range = {0, hour};
  EXPECT_FALSE(none_holds_rows_of({}, plan, table, no_rolls));
}

} // namespace
} // namespace millrace::torq
