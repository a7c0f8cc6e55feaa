#include <millrace/bench/report.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace millrace::bench {
namespace {

outcome throughput() {
  outcome out;
  out.name = "x";
  out.value = 30;
  out.unit = "messages/s";
  out.beside
    = {{"slow", 1, 20}, {"other", 2, 0}, {"proto", 100, 0.5, standing::limit}};
  return out;
}

TEST(ReportTest, EachRatioTellsWhetherItsTargetWasMet) {
  const auto json = nlohmann::json::parse(as_json(throughput(), 0).dump());
  EXPECT_EQ(json["peer"]["name"], "slow");
  EXPECT_EQ(json["peer"]["ratio"], 30);
  EXPECT_EQ(json["peer"]["target"], 20);
  EXPECT_EQ(json["peer"]["met"], true);
  EXPECT_EQ(json["limit"]["value"], 100);
  EXPECT_EQ(json["limit"]["met"], false);
  EXPECT_EQ(json["beside"].size(), 3u);
  EXPECT_FALSE(json["beside"][1].contains("met"));
  EXPECT_EQ(json["ratios"]["proto"], 0.3);
  EXPECT_EQ(json["targets"].size(), 2u);
  EXPECT_EQ(json["targets"]["slow"], 20);
  EXPECT_EQ(json["targets"]["proto"], 0.5);
  EXPECT_EQ(json["met"], false);
}

TEST(ReportTest, WhereLessIsBetterATargetIsTheMost) {
  outcome out;
  out.value = 30;
  out.less_is_better = true;
  out.beside = {{"peer", 20, 1.5}};
  EXPECT_EQ(is_met(out), true);
  out.value = 31;
  EXPECT_EQ(is_met(out), false);
}

TEST(ReportTest, ATargetOfTheValueItselfNeedsNobodyBeside) {
  outcome out;
  out.name = "x";
  out.value = 9;
  out.unit = "rows/s";
  EXPECT_EQ(is_met(out), std::nullopt);
  out.target = 10;
  EXPECT_EQ(is_met(out), false);
  EXPECT_FALSE(as_json(out, 0).find("peer"));
  EXPECT_EQ(as_json(out, 0).at("target").number(), 10);
  EXPECT_EQ(as_text(out), "x: 9 rows/s (target >= 10: missed)");
}

TEST(ReportTest, TextHasALineForEachThatStandsBeside) {
  EXPECT_EQ(as_text(throughput()),
            "x: 30 messages/s\n"
            "  1 slow: ratio 30 (target >= 20: met)\n"
            "  2 other: ratio 15\n"
            "  100 proto: ratio 0.3 (target >= 0.5: missed)");
}

TEST(ReportTest, AFamilyLeadsByTheGeometricMean) {
  outcome fast;
  fast.name = "fast";
  fast.value = 1;
  fast.unit = "ms";
  fast.less_is_better = true;
  fast.target = 2;
  fast.beside = {{"peer", 8, 1}};
  auto slow = fast;
  slow.name = "slow";
  slow.value = 16;
  const std::vector<outcome> all{fast, slow};
  const auto json = nlohmann::json::parse(family_as_json("all", all, 0).dump());
  EXPECT_DOUBLE_EQ(json["value"], 2);
  EXPECT_EQ(json["count"], 2);
  EXPECT_EQ(json["with_target"], 2);
  EXPECT_EQ(json["met"], 1);
  EXPECT_EQ(json["slower_than_peer"], 1);
  EXPECT_EQ(json["benchmarks"][1]["name"], "slow");
  EXPECT_EQ(family_as_text("all", all),
            "all: 2 times as fast as the best peer (geometric mean of 2); 1 "
            "slower than it; targets met: 1 of 2");
}

} // namespace
} // namespace millrace::bench
