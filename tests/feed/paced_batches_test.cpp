#include "feed_support.hpp"

// Batches of a recording that is replayed at its own pace.

namespace millrace::feed {
namespace {

constexpr int64_t ms = 1'000'000;

const std::string paced_layout = R"(
table = "trade"
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
[[column]]
name = "sym"
type = "symbol"
header = "sym"
[[column]]
name = "note"
type = "string"
header = "note"
)";

outcome read_paced(const std::string& text, const std::string& layout,
                   std::vector<source_cursor> resume = {}) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  auto options = options_of(layout, {"a.csv"});
  options.limits.span_ns = 20 * ms;
  options.resume = std::move(resume);
  return read_all(disk, options);
}

std::vector<uint32_t> rows_per_batch(const outcome& from) {
  std::vector<uint32_t> out;
  for (const auto& each : from.batches)
    out.push_back(each.rows);
  return out;
}

std::string paced_row(const std::string& clock) {
  return "2024-01-02T09:30:" + clock + "Z,A,x\n";
}

/// Goal: what is due at another time stands in another batch, and batches lose
/// no row for it.
TEST(PacedBatchesTest, RowsOfAnotherTimeAreAnotherBatch) {
  const auto got
    = read_paced("time,sym,note\n" + paced_row("00") + paced_row("00.0199")
                   + paced_row("01") + paced_row("00.5") + paced_row("x")
                   + paced_row("01.02") + paced_row("59"),
                 paced_layout);
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_per_batch(got), (std::vector<uint32_t>{2, 2, 1, 1}));
  EXPECT_EQ(got.rejects.size(), 1u);
  ASSERT_EQ(got.batches.size(), 4u);
  for (size_t i = 1; i < got.batches.size(); ++i)
    EXPECT_GT(got.batches[i].first_time, got.batches[i - 1].first_time);
}

TEST(PacedBatchesTest, EachRowIsThereOnceHoweverDenseTheyAre) {
  std::string text{"time,sym,note\n"};
  std::vector<std::string> rows;
  // Gaps of all kinds, from none to more than the span.
  int64_t at = 0;
  for (int i = 0; i < 3'000; ++i) {
    at += i % 7 == 0 ? (i % 11) * 5'000 : i % 3;
    const auto us = std::to_string(1'000'000 + at % 1'000'000).substr(1);
    const auto s = at / 1'000'000;
    text += "2024-01-02T09:" + std::to_string(30 + s / 60) + ":"
            + (s % 60 < 10 ? "0" : "") + std::to_string(s % 60) + "." + us
            + "Z,S" + std::to_string(i % 5) + ",n" + std::to_string(i) + "\n";
  }
  const auto paced = read_paced(text, paced_layout);
  EXPECT_FALSE(paced.failed) << to_string(paced.failed);
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  const auto whole = read_all(disk, options_of(paced_layout, {"a.csv"}));
  EXPECT_EQ(rows_of(paced), rows_of(whole));
  EXPECT_GT(paced.batches.size(), 200u);
  for (const auto& each : paced.batches)
    EXPECT_LT(each.last_time - each.first_time, 20 * ms);
  // From any batch on the others come.
  const auto half = paced.batches.size() / 2;
  const auto rest
    = read_paced(text, paced_layout, {paced.batches[half - 1].cursor});
  ASSERT_EQ(rest.batches.size(), paced.batches.size() - half);
  for (size_t i = 0; i < rest.batches.size(); ++i)
    EXPECT_EQ(rest.batches[i].bytes, paced.batches[half + i].bytes);
}

TEST(PacedBatchesTest, RowsOfOneLineStayTogether) {
  const std::string layout = R"(
table = "trade"
json = true
each = "b"
[[column]]
name = "time"
type = "timestamp"
path = "@each.T"
format = "unix_ms"
[[column]]
name = "sym"
type = "symbol"
path = "s"
)";
  std::string text;
  for (const auto* times : {"1704187800000", "1704187801000"})
    text += std::string{"{\"s\":\"A\",\"b\":[{\"T\":"} + times
            + "},{\"T\":1704187900000}]}\n";
  const auto got = read_paced(text, layout);
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_per_batch(got), (std::vector<uint32_t>{2, 2}));
}

} // namespace
} // namespace millrace::feed
