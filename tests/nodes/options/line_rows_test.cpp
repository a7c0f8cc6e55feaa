#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/lines/line_rows.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <tuple>

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;

table_schema every_kind() {
  table_schema out;
  out.name = "t";
  out.columns = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
                 {"b", column_type::boolean},      {"s", column_type::short_},
                 {"l", column_type::long_},        {"r", column_type::real},
                 {"f", column_type::float_},       {"d", column_type::date},
                 {"note", column_type::string}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

constexpr int64_t now = 1'000'000'007;

error add(const std::string& line, bool stamps = false) {
  row_reader rows{every_kind(), line_format::json, stamps};
  auto fault = rows.add(line, now);
  EXPECT_EQ(rows.row_count(), fault ? 0u : 1u);
  return fault;
}

/// A row of its time alone.
int64_t time_of(const std::string& value, bool stamps = false) {
  row_reader rows{every_kind(), line_format::json, stamps};
  const auto fault = rows.add("{\"time\":" + value + "}", now);
  EXPECT_FALSE(fault) << to_string(fault);
  const auto bytes = rows.take();
  const auto batch = decode_batch(bytes);
  return *batch->columns[0].as<int64_t>();
}

TEST(LineRowsTest, RowWithoutATimeIsRefused) {
  for (const auto* line :
       {R"({"sym":"A"})", R"({"time":null})", R"({"time":""})"}) {
    const auto fault = add(line);
    EXPECT_EQ(fault.code, errc::bad_data) << line;
    EXPECT_THAT(fault.context, HasSubstr("column 'time' has no value"));
  }
  for (const auto* line : {R"({"time":"inf"})", R"({"time":"0W"})",
                           R"({"time":"-0W"})", R"({"time":"-inf"})"})
    EXPECT_EQ(add(line, true).code, errc::bad_data) << line;
  row_reader rows{every_kind(), line_format::csv, false};
  ASSERT_FALSE(rows.add("time,sym", now));
  EXPECT_EQ(rows.add(",A", now).code, errc::bad_data);
}

TEST(LineRowsTest, HeaderThatNamesAColumnTwiceIsRefused) {
  row_reader rows{every_kind(), line_format::csv, false};
  EXPECT_THAT(rows.add("time,sym,l,sym", now).context,
              HasSubstr("'sym' twice"));
}

TEST(LineRowsTest, RowWithoutATimeIsStampedWhereTheTableSaysSo) {
  EXPECT_EQ(time_of("null", true), now);
  EXPECT_EQ(time_of("\"2000-01-01T00:00:01Z\"", true), 1'000'000'000);
}

TEST(LineRowsTest, BareNumberIsNoTime) {
  for (const auto* line :
       {R"({"time":1704205800000})", R"({"time":1704205800.5})",
        R"({"time":{"type":"timestamp","value":1704205800000}})",
        R"({"time":"2024-01-02","d":8000})"}) {
    const auto fault = add(line);
    EXPECT_EQ(fault.code, errc::bad_data) << line;
    EXPECT_THAT(fault.context, HasSubstr("is a number without a unit"));
  }
  EXPECT_EQ(add(R"({"time":"1704205800000"})").code, errc::bad_data);
}

TEST(LineRowsTest, NumberWithAUnitIsATime) {
  constexpr int64_t at = 1'704'205'800'000'000'000 - epoch_2000_ns;
  EXPECT_EQ(time_of(R"({"unix_s":1704205800})"), at);
  EXPECT_EQ(time_of(R"({"unix_ms":1704205800000})"), at);
  EXPECT_EQ(time_of(R"({"unix_us":1704205800000000})"), at);
  EXPECT_EQ(time_of(R"({"unix_ns":1704205800000000000})"), at);
  for (const auto* value :
       {R"({"unix_s":1704205800000})", R"({"unix_ms":1704205800})",
        R"({"unix_s":1.5})", R"({"unix_h":1})"})
    EXPECT_EQ(add("{\"time\":" + std::string{value} + "}").code, errc::bad_data)
      << value;
}

TEST(LineRowsTest, RefusesWhatFilesMayNotHold) {
  for (const auto* rest :
       {R"("sym":"a\u0000b")", R"("note":"a\u0000b")", R"("s":32768)",
        R"("s":-32768)", R"("l":-9223372036854775808)", R"("b":2)",
        R"("r":1e300)", R"("l":1.5)", "\"sym\":\"\xff\""}) {
    const auto fault
      = add("{\"time\":\"2024-01-02\"," + std::string{rest} + "}");
    EXPECT_EQ(fault.code, errc::bad_data) << rest;
  }
  row_reader rows{every_kind(), line_format::csv, false};
  ASSERT_FALSE(rows.add("time,sym,r", now));
  EXPECT_EQ(rows.add("2024-01-02,A,1e300", now).code, errc::bad_data);
  EXPECT_EQ(rows.add("2024-01-02,\xff,1", now).code, errc::bad_data);
  EXPECT_FALSE(rows.add("2024-01-02,A,1.5", now));
}

/// The bytes of column `name` of a row of one value, or none.
std::optional<std::string> value_of(line_format format, const std::string& name,
                                    const std::string& value) {
  const auto schema = every_kind();
  row_reader rows{schema, format, true};
  if (format == line_format::csv) {
    EXPECT_FALSE(rows.add(name, now));
    if (rows.add(value, now))
      return std::nullopt;
  } else if (rows.add("{\"" + name + "\":" + value + "}", now)) {
    return std::nullopt;
  }
  const auto bytes = rows.take();
  const auto batch = decode_batch(bytes);
  EXPECT_TRUE(batch);
  const auto column = *schema.column_index(name);
  const auto& values = batch->columns[column].values;
  return std::string{reinterpret_cast<const char*>(values),
                     width_of(schema.columns[column].type)};
}

// What `feed` reads of a number, `pub` reads too, and refuses what it refuses.
TEST(LineRowsTest, NumbersAreThoseOfFiles) {
  for (const std::string name : {"s", "l", "r", "f"}) {
    const auto schema = every_kind();
    const auto type = schema.columns[*schema.column_index(name)].type;
    for (const std::string text : {"100.0",
                                   "1e2",
                                   "2.5E3",
                                   "+5",
                                   "-7.",
                                   ".5e1",
                                   "1.5",
                                   "1e-1",
                                   "32767.0",
                                   "32768.0",
                                   "1e30",
                                   "nan",
                                   "true",
                                   "false",
                                   "1e400",
                                   "1e39",
                                   "-1e39",
                                   "9007199254740993.0",
                                   "9223372036854775807",
                                   "9223372036854775808",
                                   "-9223372036854775808",
                                   "-9223372036854775807.0",
                                   "1e99999999999",
                                   "0.1",
                                   "16777217.0000000001",
                                   "x",
                                   "-",
                                   "1e",
                                   "1 ",
                                   "0x10",
                                   "--1",
                                   "1,5",
                                   "12345678901234567890123"}) {
      SCOPED_TRACE(name + " of " + text);
      std::string bytes;
      std::optional<std::string> wanted;
      if (feed::read_value(type, text, bytes) == feed::fault::none)
        wanted = bytes;
      // A comma would be another field of CSV.
      if (text.find(',') == text.npos)
        EXPECT_EQ(value_of(line_format::csv, name, text), wanted);
      EXPECT_EQ(value_of(line_format::json, name, "\"" + text + "\""), wanted);
      // As a number, where JSON has such a one, it is the same.
      if (text.find(' ') == text.npos && text::parse_json(text)
          && text != "true" && text != "false")
        EXPECT_EQ(value_of(line_format::json, name, text), wanted);
    }
  }
}

TEST(LineRowsTest, NumbersOfJsonAreWholeWhereTheyAreAndTruthIsNone) {
  const auto of = [](const std::string& name, const std::string& value) {
    return value_of(line_format::json, name, value);
  };
  EXPECT_EQ(of("l", "100.0"), of("l", "100"));
  EXPECT_EQ(of("l", "1e2"), of("l", "100"));
  EXPECT_EQ(of("s", "1e2"), of("s", "100"));
  EXPECT_EQ(of("l", R"({"type":"float","value":100.0})"), of("l", "100"));
  EXPECT_EQ(of("b", "true"), of("b", "1"));
  EXPECT_EQ(of("b", "\"true\""), of("b", "true"));
  for (const auto& [name, value, why] :
       {std::tuple{"l", "true", "column 'l': true is not a number"},
        {"f", "false", "column 'f': false is not a number"},
        {"r", "true", "true is not a number"},
        {"s", R"({"type":"long","value":true})", "true is not a number"},
        {"l", "1.5", "'1.5' is not a whole number"},
        {"l", "1e19", "does not fit its type"},
        {"l", "-1e19", "does not fit its type"},
        {"l", "123456789012345678901234", "does not fit"},
        {"s", "1e5", "'100000' does not fit its type"},
        {"b", "0.5", "'0.5' is not a whole number"}}) {
    const auto fault
      = add("{\"" + std::string{name} + "\":" + value + "}", true);
    EXPECT_EQ(fault.code, errc::bad_data) << value;
    EXPECT_THAT(fault.context, HasSubstr(why));
  }
}

/// What `feed` makes of a number or a day, `pub` does.
TEST(LineRowsTest, WordsForNumbersAreThoseOfFiles) {
  const std::string begin = R"({"time":"2024-01-02T09:30:00Z",)";
  EXPECT_FALSE(add(begin + R"("f":NaN,"r":-Infinity,"note":"NaN"})"));
  EXPECT_EQ(add(begin + R"("l":NaN})").code, errc::bad_data);
  EXPECT_EQ(add(begin + R"("f":NaNs})").code, errc::bad_data);
}

TEST(LineRowsTest, NumbersAndDaysAreWhatFilesMakeOfThem) {
  table_schema schema;
  schema.name = "t";
  schema.columns = {{"time", column_type::timestamp},
                    {"sym", column_type::symbol},
                    {"note", column_type::string},
                    {"m", column_type::month}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  const auto row_of = [&](const std::string& values) {
    row_reader rows{schema, line_format::json, true};
    const auto fault = rows.add("{" + values + "}", now);
    EXPECT_FALSE(fault) << to_string(fault);
    const auto bytes = rows.take();
    const auto batch = decode_batch(bytes);
    EXPECT_TRUE(batch);
    return std::string{batch->columns[1].text(0)} + "|"
           + std::string{batch->columns[2].text(0)} + "|"
           + std::to_string(*batch->columns[3].as<int32_t>());
  };
  EXPECT_EQ(row_of(R"("sym":7203,"note":2.50,"m":"2024-03-31")"),
            "7203|2.50|290");
  EXPECT_EQ(
    row_of(R"("sym":123456789012345678901234,"note":1e3,"m":"2024.03m")"),
    "123456789012345678901234|1e3|290");
  EXPECT_EQ(row_of(R"("sym":-1.5,"note":true,"m":"2024-03")"), "-1.5|true|290");
  // Texts are texts, also those that begin as a mark does.
  EXPECT_EQ(row_of(R"("sym":"\u0001x","note":2.50,"m":"2024-03")"),
            "\x01x|2.50|290");
  EXPECT_EQ(add(R"({"time":{"unix_s":1.50}})").code, errc::bad_data);
  EXPECT_FALSE(
    add(R"({"time":"2024-01-02","l":{"type":"float","value":1e2}})"));
  EXPECT_THAT(add(R"({"time":"2024-01-02","d":8000.50})").context,
              HasSubstr("column 'd'"));
}

} // namespace
} // namespace millrace::nodes
