#include <millrace/actors/torq/rdb/written_rows.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

persistence::hdb_part part(const std::string& table, int64_t period,
                           uint64_t from, uint64_t to, uint32_t rows) {
  persistence::hdb_part out;
  out.stream = "market";
  out.table = table;
  out.period = period;
  out.partition = "2024.01.02";
  out.from = {from};
  out.to = {to};
  out.row_count = rows;
  return out;
}

TEST(WrittenRowsTest, AreCoveredUpToTheFirstEndThatHoldsThePeriod) {
  persistence::hdb_manifest manifest;
  manifest.version = 7;
  manifest.parts
    = {part("trade", 8000, 0, 100, 3), part("quote", 8000, 0, 100, 1),
       part("trade", 8002, 100, 180, 5), part("quote", 8002, 100, 180, 0),
       part("trade", 8003, 180, 250, 9)};
  auto other = part("trade", 8009, 0, 900, 1);
  other.stream = "/load/1/x";
  manifest.parts.push_back(other);
  struct way {
    const char* what;
    std::set<std::string> tables;
    int64_t period;
    uint64_t covered;
    uint64_t end;
  };
  const way ways[] = {
    {"its own end", {"trade", "quote"}, 8000, 100, 100},
    {"passed over: with the next", {"trade", "quote"}, 8001, 180, 0},
    {"one table lacks it", {"trade", "quote"}, 8003, 0, 250},
    {"that table is of another rdb", {"trade"}, 8003, 250, 250},
    {"later than all", {"trade"}, 8004, 0, 0},
    {"a table that is not there", {"news"}, 8000, 0, 0},
  };
  for (const auto& each : ways) {
    const auto got = written_rows_of(manifest, "market", each.tables,
                                     period_id{each.period});
    EXPECT_EQ(got.covered.value, each.covered) << each.what;
    EXPECT_EQ(got.end.value, each.end) << each.what;
  }
  const auto rows
    = written_rows_of(manifest, "market", {"trade"}, period_id{8000});
  ASSERT_EQ(rows.rows.size(), 1u) << "of other tables, too";
  EXPECT_EQ(rows.rows.at("trade").begin()->second, 3u);
}

/// Goal: what no rdb held is told while none holds it: then its rows may be in
/// another directory.
TEST(WrittenRowsTest, WhatNoRdbHoldsIsToldWhileItDoes) {
  persistence::hdb_manifest manifest;
  manifest.version = 1;
  manifest.parts.push_back(part("trade", 8000, 0, 100, 3));
  persistence::hdb_loss unheld;
  unheld.kind = persistence::hdb_loss::unheld;
  unheld.stream = "market";
  unheld.table = "news";
  unheld.from = {20};
  unheld.to = {40};
  unheld.count = 2;
  manifest.losses = {unheld};
  const auto told = [&](const std::set<std::string, std::less<>>& now) {
    const auto got
      = written_rows_of(manifest, "market", {"trade"}, period_id{8000}, now);
    EXPECT_EQ(got.losses, 0u);
    return got.unheld_batches;
  };
  EXPECT_EQ(told({"news"}), 2u);
  EXPECT_EQ(told({}), 0u);
}

} // namespace
} // namespace millrace::torq
