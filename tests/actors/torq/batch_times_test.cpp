#include <millrace/actors/torq/rdb/batch_times.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace millrace::torq {
namespace {

table_schema table_with(column_type time_type) {
  table_schema out;
  out.name = "trade";
  out.columns = {{"size", column_type::long_}, {"time", time_type}};
  out.time_column = "time";
  return out;
}

constexpr int64_t highest = std::numeric_limits<int64_t>::max();

// A null, and both infinities, as kdb+ has them.
TEST(BatchTimesTest, EachRowHasOne) {
  struct {
    std::vector<int64_t> times;
    std::string fault; ///< Part of it; empty: none.
  } const cases[] = {
    {{0, 1, -1, highest - 1, -highest + 1}, ""},
    {{}, ""},
    {{5, null_long}, "row 2 of 2"},
    {{highest, 5, 6}, "row 1 of 3"},
    {{1, 2, -highest}, "row 3 of 3"},
  };
  for (const auto& each : cases) {
    const auto table = table_with(column_type::timestamp);
    batch_view batch;
    batch.row_count = static_cast<uint32_t>(each.times.size());
    batch.columns.push_back(
      {"time",
       column_type::timestamp,
       reinterpret_cast<const std::byte*>(each.times.data()),
       {},
       {}});
    const auto fault = check_times(batch, table);
    EXPECT_EQ(static_cast<bool>(fault), !each.fault.empty());
    EXPECT_NE(fault.context.find(each.fault), std::string::npos)
      << fault.context;
    if (fault)
      EXPECT_EQ(fault.code, errc::schema_mismatch);
  }
}

TEST(BatchTimesTest, ABatchHasTheColumn) {
  const auto table = table_with(column_type::date);
  const int32_t dates[] = {7, std::numeric_limits<int32_t>::min()};
  const int64_t sizes[] = {1, 2};
  batch_view batch;
  batch.row_count = 2;
  batch.columns.push_back({"size",
                           column_type::long_,
                           reinterpret_cast<const std::byte*>(sizes),
                           {},
                           {}});
  EXPECT_NE(check_times(batch, table).context.find("no time, column 'time'"),
            std::string::npos);
  batch.columns.push_back({"time",
                           column_type::date,
                           reinterpret_cast<const std::byte*>(dates),
                           {},
                           {}});
  EXPECT_TRUE(check_times(batch, table));
  batch.row_count = 1;
  EXPECT_FALSE(check_times(batch, table));
}

} // namespace
} // namespace millrace::torq
