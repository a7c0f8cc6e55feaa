#include <millrace/nodes/host/thread_pool.hpp>
#include <millrace/tests/support/paths.hpp>

#include <cmath>
#include <cstdio>
#include <map>
#include <zlib.h>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

struct column_facts {
  uint32_t crc = 0;
  double sum = 0;
  std::string ends;
};

struct table_facts {
  uint64_t rows = 0;
  std::map<std::string, column_facts> columns;
};

/// Asks the reference program in tests/feed.
table_facts expected(const std::string& kind, const std::string& symbol,
                     const std::string& path) {
  const auto command = "python3 "
                       + test_support::source_path("tests/feed/reference.py")
                       + " '" + kind + "' '" + symbol + "' '" + path + "'";
  table_facts facts;
  auto* pipe = popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  while (const auto got = fread(buffer, 1, sizeof buffer, pipe))
    text.append(buffer, got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  std::istringstream lines{text};
  lines >> facts.rows;
  std::string name;
  while (lines >> name) {
    auto& column = facts.columns[name];
    lines >> column.crc >> column.sum;
    // The first and last value are for the reader of a failure.
    std::getline(lines, column.ends);
  }
  return facts;
}

uint32_t add_crc(uint32_t crc, const void* data, size_t size) {
  return static_cast<uint32_t>(
    crc32(crc, static_cast<const Bytef*>(data), static_cast<uInt>(size)));
}

/// The same facts of what the reader gave.
table_facts facts_of(const outcome& got) {
  table_facts facts;
  for (const auto& batch : got.batches) {
    const auto view = decode_batch(batch.bytes);
    EXPECT_TRUE(view);
    facts.rows += view->row_count;
    for (const auto& column : view->columns) {
      auto& into = facts.columns[std::string{column.name}];
      if (column.type == column_type::symbol) {
        for (uint32_t row = 0; row < view->row_count; ++row) {
          const auto text = std::string{column.text(row)} + "\n";
          into.crc = add_crc(into.crc, text.data(), text.size());
          into.sum += static_cast<double>(text.size() - 1);
        }
        continue;
      }
      into.crc = add_crc(into.crc, column.values,
                         view->row_count * width_of(column.type));
      for (uint32_t row = 0; row < view->row_count; ++row) {
        const auto text = value_text(column, row);
        if (text != "null" && text != "nan")
          into.sum += std::stod(text);
      }
    }
  }
  return facts;
}

void compare(const table_facts& got, const table_facts& wanted) {
  EXPECT_EQ(got.rows, wanted.rows);
  EXPECT_GT(wanted.rows, 0u);
  EXPECT_EQ(got.columns.size(), wanted.columns.size());
  for (const auto& [name, facts] : wanted.columns) {
    ASSERT_TRUE(got.columns.contains(name)) << name;
    EXPECT_EQ(got.columns.at(name).crc, facts.crc) << name << facts.ends;
    EXPECT_NEAR(got.columns.at(name).sum, facts.sum, std::abs(facts.sum) * 1e-9)
      << name << facts.ends;
  }
}

outcome read_recorded(const std::string& kind, const std::string& symbol,
                      const std::string& path) {
  auto options = preset_options(kind, {path});
  options.symbol = symbol;
  nodes::thread_pool pool{1, "parse"};
  options.threads = 2;
  auto got = read_all(persistence::posix_file_system(), options, &pool);
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_TRUE(got.rejects.empty());
  EXPECT_EQ(got.counters.rows, got.rows());
  EXPECT_EQ(got.counters.bytes, got.counters.total_bytes);
  return got;
}

TEST(RecordedDataTest, LeanEquityQuotes) {
  MILLRACE_NEEDS_SHARED_DATA();
  const auto path = shared_data() + "/lean/aig_20131008_quote.zip";
  const auto got = read_recorded("lean-equity-quote", "AIG", path);
  EXPECT_EQ(got.rows(), 1'118'140u);
  compare(facts_of(got), expected("lean-equity-quote", "AIG", path));
}

TEST(RecordedDataTest, LeanEquityTrades) {
  MILLRACE_NEEDS_SHARED_DATA();
  for (const auto& [symbol, file] :
       std::vector<std::pair<std::string, std::string>>{
         {"AIG", "aig_20131008_trade.zip"},
         {"SPY", "spy_20131008_trade.zip"}}) {
    const auto path = shared_data() + "/lean/" + file;
    compare(facts_of(read_recorded("lean-equity-trade", symbol, path)),
            expected("lean-equity-trade", symbol, path));
  }
}

TEST(RecordedDataTest, LeanFutureTradesOneContractAMember) {
  MILLRACE_NEEDS_SHARED_DATA();
  const auto path = shared_data() + "/lean/gc_20131009_trade.zip";
  const auto got = read_recorded("lean-future-trade", "GC", path);
  EXPECT_EQ(got.rows(), 65'335u);
  compare(facts_of(got), expected("lean-future-trade", "GC", path));
}

TEST(RecordedDataTest, NyseTaqTrades) {
  MILLRACE_NEEDS_SHARED_DATA();
  const auto path = shared_data() + "/taq/EQY_US_ALL_TRADE_20260401.sample.psv";
  const auto got = read_recorded("taq-trade", "", path);
  compare(facts_of(got), expected("taq-trade", "-", path));
  const auto rows = rows_of(got);
  ASSERT_EQ(rows.size(), 12u);
  // 10:06:26.011628535 in New York, summer time, is 14:06:26 UTC.
  EXPECT_EQ(rows[10], "828367586011628535|ZOOZ W|0.032199999999999999|211|D|"
                      "@   |00|2086665|828367586011296521");
}

} // namespace
} // namespace millrace::feed
