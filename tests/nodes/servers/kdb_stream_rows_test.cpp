#include <millrace/nodes/servers/kdb/codec.hpp>
#include <millrace/nodes/servers/kdb/stream_rows.hpp>
#include <millrace/tests/support/kdb_values.hpp>

#include <gtest/gtest.h>

#include <cmath>

namespace millrace::nodes::kdb {
namespace {

constexpr int64_t now_ns = 777'000'000'000'000'000;

table_schema ticks() {
  table_schema out;
  out.name = "ticks";
  out.columns = {{"time", column_type::timestamp},
                 {"sym", column_type::symbol},
                 {"price", column_type::float_},
                 {"size", column_type::long_},
                 {"note", column_type::string}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

value times(std::vector<int64_t> all) {
  return vector_of<int64_t>(kind::timestamp, all);
}
value prices(std::vector<double> all) {
  return vector_of<double>(kind::float_, all);
}
value notes(std::vector<std::string> all) {
  std::vector<value> out;
  for (auto& each : all)
    out.push_back(text_value(std::move(each)));
  return list_of(std::move(out));
}
value table_with(std::vector<std::string> names, std::vector<value> columns) {
  value both;
  both.type = kind::dictionary;
  both.parts = {symbols_of(std::move(names)), list_of(std::move(columns))};
  value out;
  out.type = kind::table;
  out.parts = {std::move(both)};
  return out;
}

/// A row of a batch as text: "time sym price size note".
std::string row_text(const batch_view& batch, size_t row) {
  const auto& of = batch.columns;
  const auto number = [&](size_t at) {
    return reinterpret_cast<const int64_t*>(of[at].values)[row];
  };
  const auto* ends = reinterpret_cast<const uint32_t*>(of[4].values);
  const auto begin = row == 0 ? 0 : ends[row - 1];
  const auto price = reinterpret_cast<const double*>(of[2].values)[row];
  return (number(0) == now_ns ? "now" : std::to_string(number(0))) + " "
         + std::string{of[1].symbol(
           reinterpret_cast<const uint32_t*>(of[1].values)[row])}
         + " " + (std::isnan(price) ? "-" : std::to_string(price).substr(0, 4))
         + " " + (number(3) == null_long ? "-" : std::to_string(number(3)))
         + " " + std::string{of[4].bytes.substr(begin, ends[row] - begin)};
}

std::string rows_text(const value& sent, bool stamps = false) {
  const auto bytes = batch_of(sent, ticks(), stamps, now_ns);
  if (!bytes)
    return bytes.failure().context;
  if (bytes->empty())
    return "none";
  const auto batch = decode_batch(*bytes);
  EXPECT_TRUE(batch) << to_string(batch.failure());
  std::string out;
  for (size_t row = 0; batch && row < batch->row_count; ++row)
    out += row_text(*batch, row) + "\n";
  return out;
}

TEST(KdbStreamRowsTest, TakesWhatFeedsSend) {
  const auto columns = list_of(
    {times({1, 2}), symbols_of({"A", "B"}), prices({1.5, std::nan("")}),
     vector_of<int64_t>(kind::long_, {7, null_long}), notes({"x", ""})});
  EXPECT_EQ(rows_text(columns), "1 A 1.50 7 x\n2 B - - \n");
  // Without the time, which is the first column.
  auto no_time = columns;
  no_time.parts.erase(no_time.parts.begin());
  EXPECT_EQ(rows_text(no_time), "now A 1.50 7 x\nnow B - - \n");
  // One row.
  EXPECT_EQ(rows_text(list_of({atom_of(kind::timestamp, int64_t{5}),
                               symbol_atom("A"), atom_of(kind::float_, 2.5),
                               atom_of(kind::long_, int64_t{9}),
                               text_value("some text")})),
            "5 A 2.50 9 some text\n");
  // A table, with columns in any order, some of them, narrower, a text as a
  // symbol.
  EXPECT_EQ(rows_text(table_with({"size", "sym", "time"},
                                 {vector_of<int32_t>(kind::int_, {3, null_int}),
                                  notes({"A", "B"}), times({1, 2})})),
            "1 A - 3 \n2 B - - \n");
  EXPECT_EQ(
    rows_text(table_with({"time", "price"},
                         {times({1}), vector_of<int16_t>(kind::short_, {4})})),
    "1  4.00 - \n");
  EXPECT_EQ(rows_text(table_with({"time"}, {times({})})), "none");
  // Of feeds that know no timestamps.
  EXPECT_EQ(rows_text(table_with(
              {"time", "sym"}, {vector_of<double>(kind::datetime, {1.5, -0.25}),
                                symbols_of({"A", "B"})})),
            "129600000000000 A - - \n-21600000000000 B - - \n");
  // What has no time gets one where the table says so.
  EXPECT_EQ(rows_text(table_with({"time", "sym"}, {times({null_long, 3}),
                                                   symbols_of({"A", "B"})}),
                      true),
            "now A - - \n3 B - - \n");
}

TEST(KdbStreamRowsTest, ARowOfOneTypeMayTravelAsAListOfIt) {
  table_schema pair;
  pair.name = "pair";
  pair.columns = {{"time", column_type::timestamp},
                  {"sym", column_type::symbol},
                  {"venue", column_type::symbol}};
  pair.time_column = "time";
  pair.symbol_column = "sym";
  const auto bytes = batch_of(symbols_of({"A", "N"}), pair, false, now_ns);
  ASSERT_TRUE(bytes) << to_string(bytes.failure());
  const auto batch = decode_batch(*bytes);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->row_count, 1u);
}

TEST(KdbStreamRowsTest, RefusesWhatDoesNotFit) {
  const auto begins = [](const value& sent, const char* with) {
    const auto got = rows_text(sent);
    EXPECT_TRUE(got.starts_with(with)) << got;
  };
  begins(atom_of(kind::long_, int64_t{1}), "type: rows are a table");
  begins(list_of({times({1})}), "length: 1 columns came, and table 'ticks'");
  begins(list_of({times({1}), symbols_of({"A", "B"}), prices({1}),
                  vector_of<int64_t>(kind::long_, {1}), notes({""})}),
         "length: column 'sym' has 2 values, and 'time' 1");
  begins(table_with({"time", "venue"}, {times({1}), symbols_of({"A"})}),
         "venue: table 'ticks' has no such column");
  begins(table_with({"time", "time"}, {times({1}), times({1})}),
         "length: column 'time' comes twice");
  begins(table_with({"sym"}, {symbols_of({"A"})}),
         "type: column 'time' has no value");
  begins(table_with({"time"}, {times({null_long})}),
         "type: column 'time' has no value");
  begins(table_with({"time"}, {times({inf_long})}),
         "type: column 'time' is infinite");
  begins(table_with({"time"}, {vector_of<int64_t>(kind::timespan, {1})}),
         "type: column 'time' is timestamp, and was sent as timespan");
  begins(table_with({"time"}, {vector_of<double>(kind::datetime, {1e9})}),
         "type: column 'time' has a datetime beyond");
  begins(
    table_with({"time"}, {vector_of<double>(kind::datetime, {std::nan("")})}),
    "type: column 'time' has no value");
  begins(table_with({"time", "size"},
                    {times({1}), vector_of<double>(kind::datetime, {1})}),
         "type: column 'size' is long, and was sent as datetime");
  begins(table_with({"time", "size"}, {times({1}), prices({1})}),
         "type: column 'size' is long, and was sent as float");
  begins(table_with({"time", "sym"}, {times({1}), prices({1})}),
         "type: column 'sym' is symbol, and was sent as float");
  begins(table_with({"time", "price"},
                    {times({1}), vector_of<int64_t>(kind::long_,
                                                    {(int64_t{1} << 53) + 1})}),
         "type: column 'price' would lose digits");
  begins(table_with({"time", "sym"}, {times({1}), symbols_of({"\xff"})}),
         "type: column 'sym' is not UTF-8");
}

TEST(KdbStreamRowsTest, PassesOnWhatASubscriberWants) {
  const auto bytes = batch_of(
    list_of({times({1, 2, 3}), symbols_of({"A", "B", "A"}), prices({1, 2, 3}),
             vector_of<int64_t>(kind::long_, {7, 8, 9}), notes({"", "", ""})}),
    ticks(), false, now_ns);
  ASSERT_TRUE(bytes);
  const auto batch = decode_batch(*bytes);
  ASSERT_TRUE(batch);
  const auto sizes = [&](const wanted_symbols& wanted) {
    const auto message = update_message(*batch, ticks(), wanted, 3);
    EXPECT_TRUE(message);
    if (message->empty())
      return value{};
    EXPECT_EQ((*message)[1], 0);
    const auto what = read_message(*message);
    EXPECT_TRUE(what);
    EXPECT_EQ(what->parts[0], symbol_atom("upd"));
    EXPECT_EQ(what->parts[1], symbol_atom("ticks"));
    return what->parts[2].parts[0].parts[1].parts[3];
  };
  EXPECT_EQ(sizes({}), vector_of<int64_t>(kind::long_, {7, 8, 9}));
  EXPECT_EQ(sizes({{"A"}}), vector_of<int64_t>(kind::long_, {7, 9}));
  EXPECT_EQ(sizes({{"C"}}), value{});
  // An earlier version of the table had a narrower column, and not this one.
  auto wider = ticks();
  wider.columns.push_back({"venue", column_type::symbol});
  const auto message = update_message(*batch, wider, {}, 3);
  ASSERT_TRUE(message);
  EXPECT_EQ(read_message(*message)->parts[2].parts[0].parts[1].parts[5],
            symbols_of({"", "", ""}));
  auto other = ticks();
  other.columns[3].type = column_type::int_;
  EXPECT_EQ(update_message(*batch, other, {}, 3).failure().code,
            errc::schema_mismatch);
  // (`.u.end;2024.05.02)
  EXPECT_EQ(end_message(period_id{8888}),
            (std::string{"\x01\x00\x00\x00\x1b\x00\x00\x00\x00\x00\x02\x00\x00"
                         "\x00\xf5.u.end\x00\xf2\xb8\x22\x00\x00",
                         27}));
}

} // namespace
} // namespace millrace::nodes::kdb
