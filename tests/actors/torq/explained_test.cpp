#include <millrace/actors/torq/gateway/explained.hpp>
#include <millrace/query/execution/partial.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

TEST(ExplainedTest, APlanHasARowForEachOfItsLines) {
  const auto plan = explained("scan trade\n  group sym\n\nend", "qsql");
  ASSERT_EQ(plan.columns.size(), 1u);
  EXPECT_EQ(plan.columns[0].name, "query");
  ASSERT_EQ(plan.row_count, 4u);
  EXPECT_EQ(plan.columns[0].text(0), "scan trade");
  EXPECT_EQ(plan.columns[0].text(1), "  group sym");
  EXPECT_EQ(plan.columns[0].text(2), "");
  EXPECT_EQ(plan.columns[0].text(3), "end");
  EXPECT_EQ(explained("a\n", "sql").columns[0].name, "QUERY PLAN");
  EXPECT_EQ(explained("a\n", "sql").row_count, 1u);
  EXPECT_EQ(explained("", "sql").row_count, 0u);
}

TEST(ExplainedTest, WhatRanIsCountedFromItsAnswer) {
  query::partial_result answer;
  query::table_data rows;
  query::column_data size;
  size.name = "size";
  size.type = column_type::int_;
  for (int32_t i = 0; i < 3; ++i)
    size.push(i);
  rows.columns.push_back(std::move(size));
  rows.row_count = 3;
  answer.chunks.push_back({0, std::move(rows)});
  answer.statistics = {100, 40, 7, 5, 2};
  const auto messages = encode(answer);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(
    analysis_of(messages, {manifest_version{4}, position{8}, position{96}},
                1'234'567),
    "-- answered\nrows: 3 (" + std::to_string(messages[0].size())
      + " bytes)\nread: 40 rows, of the parts that dates and indexes left, "
        "which "
        "have 100; 2 of their 5 segments; 7 rows passed all filters\ncut: "
        "manifest 4, cutover log.0.0 @ 8, upper log.0.0 @ 96\n"
        "Execution Time: 1.235 ms\n");
  const std::vector<std::byte> junk(24, std::byte{0xff});
  EXPECT_NE(analysis_of({chunk::copy_of(junk)}, {}, 1).find("cannot be read"),
            std::string::npos);
}

} // namespace
} // namespace millrace::torq
