#include <millrace/feed/kdb/kdb_source.hpp>
#include <millrace/tests/support/kdb_files.hpp>

#include <cmath>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

using namespace test_support;

constexpr int64_t kdb_hour = 3'600'000'000'000;
/// 2015.01.07.
constexpr int64_t kdb_day = 5485 * 24 * kdb_hour;

class KdbSourceTest : public ::testing::Test {
protected:
  KdbSourceTest() {
    put_file(disk_, "/db/sym", kdb_symbol_list({"IBM", "AIG"}, 2));
  }

  void put_column(const std::string& name, std::string_view text) {
    put_file(disk_, "/db/2015.01.07/trade/" + name, text);
    names_.push_back(name);
    put_file(disk_, "/db/2015.01.07/trade/.d",
             kdb_symbol_list(names_, static_cast<uint32_t>(names_.size())));
  }

  /// Two rows, ordered as a table must be.
  void put_key() {
    put_column("time", kdb_list(19, 2, raw<int32_t>({1, 3'600'000})));
    put_column("sym", kdb_codes("sym", {1, 0}));
  }

  /// The table has these columns, too.
  void declare(const std::vector<column_schema>& columns) {
    schema_.name = "trade";
    schema_.time_column = "time";
    schema_.symbol_column = "sym";
    schema_.columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
    schema_.columns.insert(schema_.columns.end(), columns.begin(),
                           columns.end());
  }

  kdb_source source(const std::vector<column_schema>& columns,
                    std::set<std::string> left_out = {}) {
    declare(columns);
    auto database = persistence::read_kdb_database(disk_, "/db");
    EXPECT_TRUE(database) << to_string(database.failure());
    return {
      disk_,
      {*database, "trade", schema_, std::move(left_out), [] { return false; }},
      counters_};
  }

  /// The one batch of a source.
  batch_view only_batch(kdb_source& from) {
    const auto fault = from.open({});
    EXPECT_FALSE(fault) << to_string(fault);
    auto batch = from.next();
    EXPECT_TRUE(batch) << to_string(batch.failure());
    EXPECT_TRUE(*batch);
    held_ = **std::move(batch);
    auto rows = decode_batch(held_.bytes);
    EXPECT_TRUE(rows) << to_string(rows.failure());
    EXPECT_FALSE(*from.next());
    return *rows;
  }

  error fault_of(kdb_source from) { return from.open({}); }

  sim::memory_file_system disk_{7};
  std::vector<std::string> names_;
  table_schema schema_;
  parsed_batch held_;
  std::shared_ptr<batch_source_counters> counters_
    = std::make_shared<batch_source_counters>();
};

template <class T>
std::vector<T> values(const batch_view& rows, std::string_view name) {
  const auto* column = rows.column(name);
  return {column->as<T>(), column->as<T>() + rows.row_count};
}

TEST_F(KdbSourceTest, ATimeOfDayGetsTheDateOfItsPartition) {
  put_key();
  auto from = source({});
  const auto rows = only_batch(from);
  EXPECT_EQ(values<int64_t>(rows, "time"),
            (std::vector<int64_t>{kdb_day + 1'000'000, kdb_day + kdb_hour}));
  EXPECT_EQ(rows.column("sym")->text(0), "AIG");
  EXPECT_EQ(rows.column("sym")->text(1), "IBM");
  EXPECT_EQ(held_.first_time, kdb_day + 1'000'000);
  EXPECT_EQ(held_.last_time, kdb_day + kdb_hour);
}

TEST_F(KdbSourceTest, ValuesNullsAndInfinitiesStayWhatTheyAre) {
  put_key();
  const auto not_a_number = std::nan("");
  put_column("h", kdb_list(5, 2, raw<int16_t>({INT16_MIN, INT16_MAX})));
  put_column("i", kdb_list(6, 2, raw<int32_t>({INT32_MIN, -INT32_MAX})));
  put_column("e", kdb_list(8, 2, raw<float>({INFINITY, 1.5F})));
  put_column("f", kdb_list(9, 2, raw<double>({not_a_number, -INFINITY})));
  put_column("z", kdb_list(15, 2, raw<double>({5485.5, not_a_number})));
  put_column("p", kdb_list(12, 2, raw<int64_t>({INT64_MIN, INT64_MAX})));
  put_column("u", kdb_list(17, 2, raw<int32_t>({INT32_MIN, 570})));
  put_column("s#", "oneX");
  names_.pop_back();
  put_column("s", kdb_list(87, 2, raw<int64_t>({3, 4})));
  put_column("w", kdb_old_codes("sym", {INT32_MIN, 0}));
  auto from = source({{"h", column_type::long_},
                      {"i", column_type::int_},
                      {"e", column_type::float_},
                      {"f", column_type::float_},
                      {"z", column_type::timestamp},
                      {"p", column_type::timestamp},
                      {"u", column_type::minute},
                      {"s", column_type::string},
                      {"w", column_type::string},
                      {"date", column_type::date},
                      {"new", column_type::int_}});
  const auto rows = only_batch(from);
  EXPECT_EQ(values<int64_t>(rows, "h"),
            (std::vector<int64_t>{null_long, INT16_MAX}))
    << "the number that it is written as";
  EXPECT_EQ(values<int32_t>(rows, "i"),
            (std::vector<int32_t>{null_int, -inf_int}));
  EXPECT_EQ(values<double>(rows, "e"), (std::vector<double>{INFINITY, 1.5}));
  EXPECT_TRUE(std::isnan(values<double>(rows, "f")[0]));
  EXPECT_EQ(values<double>(rows, "f")[1], -INFINITY);
  EXPECT_EQ(values<int64_t>(rows, "z"),
            (std::vector<int64_t>{kdb_day + 12 * kdb_hour, null_long}));
  EXPECT_EQ(values<int64_t>(rows, "p"),
            (std::vector<int64_t>{null_long, inf_long}));
  EXPECT_EQ(values<int32_t>(rows, "u"), (std::vector<int32_t>{null_int, 570}));
  EXPECT_EQ(rows.column("s")->text(0), "one");
  EXPECT_EQ(rows.column("s")->text(1), "X");
  EXPECT_EQ(rows.column("w")->text(0), "");
  EXPECT_EQ(rows.column("w")->text(1), "IBM");
  EXPECT_EQ(values<int32_t>(rows, "date"), (std::vector<int32_t>{5485, 5485}));
  EXPECT_EQ(values<int32_t>(rows, "new"),
            (std::vector<int32_t>{null_int, null_int}));
  EXPECT_EQ(from.parts()[0].absent, std::vector<std::string>{"new"});
}

TEST_F(KdbSourceTest, WhatDoesNotFitIsRefusedBeforeAnyRow) {
  put_key();
  put_column("size", kdb_list(7, 2, raw<int64_t>({1, 2})));
  EXPECT_EQ(fault_of(source({{"size", column_type::int_}})).context,
            "/db/2015.01.07/trade/size: is long, which does not become int, as "
            "table 'trade' has 'size'");
  EXPECT_EQ(fault_of(source({})).context,
            "/db/2015.01.07/trade: table 'trade' has no column for size; "
            "declare it, or name it with --leave-out to load the others");
  EXPECT_FALSE(fault_of(source({}, {"size"})));
  put_column("cond", kdb_list(7, 2, raw<int64_t>({1, 2})));
  EXPECT_EQ(fault_of(source({{"size", column_type::int_}})).context,
            "/db/2015.01.07/trade/size: is long, which does not become int, as "
            "table 'trade' has 'size'\n"
            "/db/2015.01.07/trade: table 'trade' has no column for cond; "
            "declare it, or name it with --leave-out to load the others")
    << "all that does not fit";
  put_column("ex", kdb_old_codes("exchanges", {0, 0}));
  EXPECT_EQ(fault_of(source({{"size", column_type::long_},
                             {"ex", column_type::symbol}}))
              .code,
            errc::not_found);
}

TEST_F(KdbSourceTest, ADamagedPartGivesNoRow) {
  put_column("time", kdb_list(12, 2, raw<int64_t>({kdb_day, kdb_day + 1})));
  put_column("sym", kdb_codes("sym", {1, 2}));
  auto from = source({});
  ASSERT_FALSE(from.open({}));
  const auto batch = from.next();
  EXPECT_EQ(batch.failure().code, errc::corrupt);
  EXPECT_EQ(batch.failure().context,
            "/db/2015.01.07/trade/sym: byte 4104: symbol 2 of 2 in 'sym'");
}

TEST_F(KdbSourceTest, ARowWithoutATimeIsRefused) {
  put_column("time", kdb_list(19, 2, raw<int32_t>({1, INT32_MIN})));
  put_column("sym", kdb_codes("sym", {1, 0}));
  auto from = source({});
  ASSERT_FALSE(from.open({}));
  EXPECT_EQ(from.next().failure().context,
            "/db/2015.01.07/trade/time: row 1 has no time, and so no date");
}

TEST_F(KdbSourceTest, ATableWithoutDatesNeedsThemInAColumn) {
  put_file(disk_, "/one/t/.d", kdb_symbol_list({"date", "time", "sym"}, 3));
  put_file(disk_, "/one/t/date", kdb_list(14, 1, raw<int32_t>({5486})));
  put_file(disk_, "/one/t/time", kdb_list(16, 1, raw<int64_t>({kdb_hour})));
  put_file(disk_, "/one/t/sym", kdb_codes("sym", {0}));
  put_file(disk_, "/one/sym", kdb_symbol_list({"IBM"}, 1));
  declare({});
  const auto database = persistence::read_kdb_database(disk_, "/one/t");
  ASSERT_TRUE(database);
  EXPECT_EQ(database->directory, "/one");
  kdb_source from{
    disk_, {*database, "t", schema_, {}, [] { return false; }}, counters_};
  EXPECT_EQ(values<int64_t>(only_batch(from), "time"),
            std::vector<int64_t>{kdb_day + 25 * kdb_hour});
  put_file(disk_, "/one/t/.d", kdb_symbol_list({"time", "sym"}, 2));
  kdb_source without{
    disk_, {*database, "t", schema_, {}, [] { return false; }}, counters_};
  EXPECT_EQ(without.open({}).code, errc::schema_mismatch);
}

// Goal: what was loaded is known again, whether it was compressed since or not,
// and a load that was cut off goes on after what is there.
TEST_F(KdbSourceTest, APartIsKnownByItsRows) {
  put_key();
  auto first = source({});
  only_batch(first);
  const auto whole = held_.cursor;
  const auto plain = file_text(disk_, "/db/2015.01.07/trade/time");
  put_file(disk_, "/db/2015.01.07/trade/time",
           kdb_zipped({{plain, 0}}, plain.size(), 65536));
  auto again = source({});
  ASSERT_FALSE(again.open({whole}));
  EXPECT_FALSE(*again.next());
  ASSERT_FALSE(again.close());
  EXPECT_TRUE(counters_->reports()[0].resumed);
  auto cut = whole;
  cut.offset = cut.row = 1;
  auto rest = source({});
  ASSERT_FALSE(rest.open({cut}));
  const auto batch = rest.next();
  ASSERT_TRUE(batch && *batch);
  EXPECT_EQ((*batch)->rows, 1u);
  EXPECT_EQ((*batch)->cursor, whole);
  put_file(disk_, "/db/2015.01.07/trade/time",
           kdb_list(19, 2, raw<int32_t>({1, 3'600'001})));
  auto changed = source({});
  ASSERT_FALSE(changed.open({whole}));
  EXPECT_EQ((*changed.next())->rows, 2u);
}

TEST_F(KdbSourceTest, ATableIsProposedByItsNewestPart) {
  put_key();
  put_column("price", kdb_list(9, 2, raw<double>({1, 2})));
  put_column("z", kdb_list(15, 2, raw<double>({1, 2})));
  const auto database = persistence::read_kdb_database(disk_, "/db");
  const auto proposal = propose_table(disk_, *database->table("trade"));
  ASSERT_TRUE(proposal) << to_string(proposal.failure());
  EXPECT_EQ(proposal->columns,
            (std::vector<std::string>{"time:time", "sym:symbol", "price:float",
                                      "z:timestamp"}));
  EXPECT_EQ(proposal->time, "z");
  EXPECT_EQ(proposal->symbol, "sym");
}

} // namespace
} // namespace millrace::feed
