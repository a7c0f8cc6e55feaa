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
  answer.statistics = {.rows_total = 100,
                       .rows_scanned = 40,
                       .rows_matched = 7,
                       .segments_total = 5,
                       .segments_scanned = 2,
                       .parts_total = 3,
                       .parts_scanned = 1,
                       .bytes_scanned = 480,
                       .left_by_time = 2,
                       .left_by_symbol = 1};
  answer.nodes.push_back({.process = "hdb1",
                          .table = "trade",
                          .read = {.rows_total = 60, .rows_scanned = 40},
                          .bind_ns = 100'000,
                          .scan_ns = 2'000'000,
                          .finish_ns = 30'000,
                          .elapsed_ns = 1'400'000,
                          .memory_bytes = 4096});
  answer.steps.push_back({"window", 3, 24, 500'000});
  const auto messages = encode(answer);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(
    analysis_of(messages, {manifest_version{4}, position{8}, position{96}},
                1'234'567),
    "-- answered\nrows: 3 (" + std::to_string(messages[0].size())
      + " bytes)\nread: 40 of 100 rows (480 bytes), in 1 of 3 parts, 2 of 5 "
        "segments (2 left out by time, 1 by symbol); 7 rows passed all "
        "filters\nhdb1, 'trade': 40 of 60 rows (0 bytes), in 0 of 0 parts, 0 "
        "of 0 segments; 0 rows passed all filters; 1.400 ms (bind 0.100, scan "
        "2.000, finish 0.030), 4096 bytes held\ngateway, window: 3 rows (24 "
        "bytes); 0.500 ms\ncut: "
        "manifest 4, cutover log.0.0 @ 8, upper log.0.0 @ 96\n"
        "Execution Time: 1.235 ms\n");
  const std::vector<std::byte> junk(24, std::byte{0xff});
  EXPECT_NE(analysis_of({chunk::copy_of(junk)}, {}, 1).find("cannot be read"),
            std::string::npos);
}

} // namespace
} // namespace millrace::torq
