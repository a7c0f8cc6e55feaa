#include <millrace/bench/query_answer.hpp>

#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

using kind = answer_column::kind;

answer prices(std::vector<std::string> symbols, std::vector<double> values) {
  answer out;
  out.row_count = symbols.size();
  out.columns.push_back({kind::texts, {}, {}, std::move(symbols)});
  out.columns.push_back({kind::floats, {}, std::move(values), {}});
  return out;
}

TEST(QueryAnswerTest, TheOrderOfRowsDoesNotMatter) {
  EXPECT_FALSE(
    difference(prices({"A", "B"}, {1, 2}), prices({"B", "A"}, {2, 1}), 0));
}

TEST(QueryAnswerTest, ADifferenceSaysWhere) {
  const auto fault
    = difference(prices({"A", "B"}, {1, 2}), prices({"B", "A"}, {3, 1}), 0);
  EXPECT_EQ(fault.code, errc::bad_data);
  EXPECT_EQ(fault.context, "the answers differ: row 1, column 1: 2 of ours, "
                           "and 3 of the peer's");
}

TEST(QueryAnswerTest, OnlyWhatIsRoundedMayDifferALittle) {
  const auto ours = prices({"A"}, {1});
  const auto close = prices({"A"}, {1 + 5e-10});
  EXPECT_TRUE(difference(ours, close, 0));
  EXPECT_FALSE(difference(ours, close, 1));
  EXPECT_TRUE(difference(ours, prices({"A"}, {1 + 5e-9}), 1));
}

TEST(QueryAnswerTest, RowsAndTypesAreCompared) {
  const auto ours = prices({"A"}, {1});
  EXPECT_TRUE(difference(ours, prices({"A", "A"}, {1, 1}), 0));
  auto whole = ours;
  whole.columns[1] = {kind::integers, {1}, {}, {}};
  EXPECT_TRUE(difference(ours, whole, 0));
  EXPECT_TRUE(difference(ours, answer{{}, 1}, 0));
}

TEST(QueryAnswerTest, NoRowsNeedNoColumns) {
  EXPECT_FALSE(difference(answer{}, prices({}, {}), 0));
}

} // namespace
} // namespace millrace::bench
