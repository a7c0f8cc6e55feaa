#include <millrace/feed/generate/generator.hpp>
#include <millrace/feed/source/pacer.hpp>
#include <millrace/feed/text/zone_clock.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <cmath>
#include <map>
#include <set>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

generator_options small() {
  generator_options options;
  options.symbols = 1'000;
  options.trades_per_period = 40'000;
  options.quotes_per_period = 80'000;
  options.periods = 3;
  options.late_share = 0.01;
  options.null_share = 0.02;
  return options;
}

std::vector<generated_batch> all_of(const generator_options& options,
                                    const std::vector<source_cursor>& resume
                                    = {}) {
  auto made = generator::open(options, resume);
  EXPECT_TRUE(made) << to_string(made.failure());
  std::vector<generated_batch> batches;
  while (auto batch = made->next())
    batches.push_back(std::move(*batch));
  return batches;
}

TEST(GeneratorTest, TheSeedDecidesEverything) {
  const auto first = all_of(small());
  const auto second = all_of(small());
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i)
    ASSERT_EQ(first[i].batch.bytes, second[i].batch.bytes);
  auto other = small();
  other.seed = 43;
  EXPECT_NE(all_of(other)[0].batch.bytes, first[0].batch.bytes);
}

// One pass over everything: counts, order, shape, prices within the quotes.
TEST(GeneratorTest, RowsLookLikeAMarket) {
  const auto options = small();
  std::map<std::pair<int32_t, bool>, uint64_t> rows;
  std::map<std::string, std::pair<double, double>> quoted;
  std::map<std::string, uint64_t> by_symbol;
  std::vector<uint64_t> by_hour(24);
  std::set<int32_t> dates;
  uint64_t late = 0;
  uint64_t one_sided = 0;
  uint64_t of_day_before = 0;
  int64_t latest = 0;
  for (const auto& made : all_of(options)) {
    const bool trade = made.table == generated_batch::kind::trade;
    const auto view = *decode_batch(made.batch.bytes);
    EXPECT_EQ(view.table, trade ? "trade" : "quote");
    rows[{made.date, trade}] += view.row_count;
    dates.insert(made.date);
    const auto* times = view.columns[0].as<int64_t>();
    for (uint32_t row = 0; row < view.row_count; ++row) {
      const auto symbol = value_text(view.columns[1], row);
      ++by_symbol[symbol];
      by_hour[static_cast<size_t>(times[row] % text::day_ns
                                  / 3'600'000'000'000)]++;
      of_day_before += times[row] / text::day_ns < made.date;
      const auto* first = view.columns[2].as<double>();
      if (trade)
        continue;
      late += times[row] < latest;
      latest = std::max(latest, times[row]);
      const auto bid = first[row];
      const auto ask = view.columns[3].as<double>()[row];
      EXPECT_FALSE(std::isnan(bid) && std::isnan(ask));
      if (std::isnan(bid) || std::isnan(ask)) {
        ++one_sided;
        EXPECT_EQ(value_text(view.columns[std::isnan(bid) ? 4 : 5], row),
                  "null");
      } else {
        EXPECT_GT(ask, bid);
      }
    }
  }
  EXPECT_EQ(dates.size(), 3u);
  // 2024-01-02 is a Tuesday.
  EXPECT_EQ(*dates.begin(), *text::parse_date("2024-01-02"));
  for (const auto& [key, count] : rows)
    EXPECT_EQ(count, key.second ? options.trades_per_period
                                : options.quotes_per_period);
  EXPECT_NEAR(static_cast<double>(one_sided), 0.02 * 240'000, 500);
  EXPECT_NEAR(static_cast<double>(late), 0.01 * 240'000, 700);
  EXPECT_GT(of_day_before, 0u);
  // Zipf: the first symbol has 1 / H(1000) = 13.4% of the rows, the second half
  // of that.
  EXPECT_NEAR(static_cast<double>(by_symbol["AAA"]) / 360'000, 0.1336, 0.005);
  EXPECT_NEAR(static_cast<double>(by_symbol["AAB"]) / 360'000, 0.0668, 0.005);
  EXPECT_GT(by_symbol.size(), 990u);
  // 09:30 to 16:00 in New York is 14:30 to 21:00 UTC; busy at both ends.
  EXPECT_EQ(by_hour[13] + by_hour[21], 0u);
  EXPECT_GT(by_hour[20], by_hour[17] * 2);
  EXPECT_GT(by_hour[15], by_hour[17]);
}

TEST(GeneratorTest, TradesHappenAtAQuotedSide) {
  auto options = small();
  options.late_share = 0;
  options.null_share = 0;
  options.rows_per_batch = 1; // Batches then come in the order of the rows.
  options.periods = 1;
  std::map<std::string, std::pair<std::string, std::string>> quoted;
  uint64_t checked = 0;
  int64_t last = 0;
  for (const auto& made : all_of(options)) {
    const auto view = *decode_batch(made.batch.bytes);
    const auto symbol = value_text(view.columns[1], 0);
    EXPECT_GE(made.batch.first_time, last);
    last = made.batch.first_time;
    if (made.table == generated_batch::kind::quote) {
      quoted[symbol]
        = {value_text(view.columns[2], 0), value_text(view.columns[3], 0)};
    } else if (quoted.contains(symbol)) {
      const auto price = value_text(view.columns[2], 0);
      EXPECT_TRUE(price == quoted[symbol].first
                  || price == quoted[symbol].second);
      ++checked;
    }
  }
  EXPECT_GT(checked, 30'000u);
}

TEST(GeneratorTest, ResumesEachTableBehindItsCursor) {
  auto options = small();
  options.trades_per_period = 900;
  options.quotes_per_period = 2'100;
  options.rows_per_batch = 250;
  const auto whole = all_of(options);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::vector<source_cursor> resume{whole[i].batch.cursor};
    if (i > 0)
      resume.push_back(whole[i - 1].batch.cursor);
    const auto rest = all_of(options, resume);
    std::vector<generated_batch> wanted;
    for (const auto& each : whole) {
      bool done = false;
      for (const auto& cursor : resume)
        done = done
               || (cursor.name == each.batch.cursor.name
                   && cursor.offset >= each.batch.cursor.offset);
      if (!done)
        wanted.push_back(each);
    }
    ASSERT_EQ(rest.size(), wanted.size());
    for (size_t k = 0; k < rest.size(); ++k)
      ASSERT_EQ(rest[k].batch.bytes, wanted[k].batch.bytes);
  }
}

TEST(GeneratorTest, WrittenCsvReadsBackToTheSameRows) {
  auto options = small();
  sim::memory_file_system disk;
  ASSERT_FALSE(write_generated_csv(disk, options, "t.csv", "q.csv"));
  for (const bool trade : {true, false}) {
    outcome wanted;
    for (auto& made : all_of(options))
      if ((made.table == generated_batch::kind::trade) == trade)
        wanted.batches.push_back(std::move(made.batch));
    const auto got
      = read_all(disk, preset_options(trade ? "csv-trade" : "csv-quote",
                                      {trade ? "t.csv" : "q.csv"}));
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_TRUE(got.rejects.empty());
    EXPECT_EQ(rows_of(got), rows_of(wanted));
  }
  sim::memory_file_system full;
  full.set_quota(10'000);
  EXPECT_EQ(write_generated_csv(full, options, "t.csv", "").code,
            errc::no_space);
}

TEST(GeneratorTest, ManySymbolsHaveDistinctNames) {
  generator_options options;
  options.symbols = 1'000'000;
  options.trades_per_period = 0;
  options.quotes_per_period = 10'000;
  uint64_t rows = 0;
  for (const auto& made : all_of(options))
    rows += made.batch.rows;
  EXPECT_EQ(rows, 10'000u);
}

TEST(GeneratorTest, SenselessOptionsAreNamed) {
  auto fault = [](auto change) {
    generator_options options;
    change(options);
    return generator::open(options).failure();
  };
  EXPECT_EQ(to_string(fault([](auto& o) { o.symbols = 0; })),
            "invalid_argument: generator: symbols is not within 1 .. 10000000");
  EXPECT_EQ(fault([](auto& o) { o.late_share = 2; }).code,
            errc::invalid_argument);
  EXPECT_EQ(fault([](auto& o) { o.close_ns = 0; }).code,
            errc::invalid_argument);
  EXPECT_EQ(fault([](auto& o) { o.zone = "X/Y"; }).code, errc::not_found);
}

TEST(PacerTest, SpeedsAreReadAndWritten) {
  EXPECT_EQ(parse_speed("max")->factor, 0);
  EXPECT_EQ(parse_speed("original")->factor, 1);
  EXPECT_EQ(parse_speed("0.5x")->factor, 0.5);
  EXPECT_EQ(parse_speed("10x")->factor, 10);
  for (const auto* bad : {"", "x", "10", "-1x", "0x", "fast", "1xx", "1e99x"})
    EXPECT_EQ(parse_speed(bad).failure().code, errc::invalid_argument) << bad;
}

TEST(PacerTest, RowsAreDueByTheirDistanceToTheFirst) {
  pacer original{{1}};
  EXPECT_EQ(original.due(null_long, 5), 5);
  EXPECT_EQ(original.due(1'000'000'000'000'000'000, 100), 100);
  EXPECT_EQ(original.due(1'000'000'000'000'000'123, 100), 223);
  EXPECT_EQ(original.due(1'000'000'000'000'000'007, 900), 107);
  EXPECT_LT(original.due(999'999'999'999'999'999, 900), 900);
  pacer fast{{10}};
  EXPECT_EQ(fast.due(0, 100), 100);
  EXPECT_EQ(fast.due(1'000, 100), 200);
  pacer most{{0}};
  EXPECT_EQ(most.due(7, 100), 100);
}

} // namespace
} // namespace millrace::feed
