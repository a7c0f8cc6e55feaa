// Goal: counts of any unit since any day are the times that they mean, to the
// nanosecond, and what counts another unit is refused. Method: rows of layouts.
#include "format_kinds.hpp"

namespace millrace::feed {
namespace {

std::string counted(const std::string& unit, const std::string& epoch = "") {
  return "time:timestamp field = 1|format = \"count\"|unit = \"" + unit + "\""
         + (epoch.empty() ? "" : "|epoch = \"" + epoch + "\"");
}

/// 2024-01-02 09:30 and some nanoseconds, of symbol S.
std::string half_past_nine(int64_t ns = 0) {
  return at("2024-01-02", 34'200 * one_second + ns) + "|S";
}

TEST(CountTimesTest, EveryUnitAndEpoch) {
  check({
    {"kdb+: nanoseconds since 2000",
     "",
     counted("ns", "2000-01-01"),
     "757503000123456789\n-1\n7.57503000123456789e17\n0\n",
     {half_past_nine(123'456'789), "-1|S", half_past_nine(123'456'789), "0|S"}},
    {"FILETIME, Active Directory",
     "",
     counted("100ns", "1601-01-01"),
     "133486614001234567\n",
     {half_past_nine(123'456'700)}},
    {"ticks of .NET, of which the nanoseconds fit no 64 bits",
     "",
     counted("100ns", "0001-01-01")
       + "|null = [\"0\"];"
         "other:timestamp field = 1|format = \"count\"|unit = \"100ns\"|"
         "epoch = \"0001-01-01\"",
     "638397846001234567\n",
     {at("2024-01-02", 34'200 * one_second + 123'456'700) + "|"
      + half_past_nine(123'456'700)}},
    {"serial days of a spreadsheet",
     "",
     counted("d", "1899-12-30"),
     "45293\n45293.5\n4.52935E4\n45293.395833333336\n36526\n",
     {at("2024-01-02", 0) + "|S", at("2024-01-02", 43'200 * one_second) + "|S",
      at("2024-01-02", 43'200 * one_second) + "|S", half_past_nine(230),
      "0|S"}},
    {"minutes and hours since 1970", "",
     counted("min")
       + ";other:timestamp field = 2|format = \"count\"|unit = "
         "\"h\"",
     "28403130,473385.5\n28403130.00,473385.500\n",
     std::vector<std::string>(2, at("2024-01-02", 34'200 * one_second) + "|"
                                   + half_past_nine())},
    {"seconds of GPS, milliseconds, microseconds",
     "",
     counted("s", "1980-01-06")
       + ";b:timestamp field = 2|format = \"count\"|"
         "unit = \"ms\"|epoch = \"2000-01-01\";c:timestamp field = 3|format = "
         "\"count\"|unit = \"us\"|epoch = \"1904-01-01\"",
     "1388223000,757503000000.5,3787032600000000.001\n",
     {at("2024-01-02", 34'200 * one_second) + "|"
      + at("2024-01-02", 34'200 * one_second + 500'000) + "|"
      + half_past_nine(1)}},
    {"a comma for the point",
     "delimiter = \";\"\ndecimal = \",\"\n",
     counted("d", "1899-12-30"),
     "45293,5\n",
     {at("2024-01-02", 43'200 * one_second) + "|S"}},
    {"of JSON",
     "json = true\n",
     "time:timestamp path = \"t\"|format = \"count\"|unit = \"d\"|epoch = "
     "\"1899-12-30\"",
     "{\"t\":45293.5}\n{\"t\":\"45293\"}\n",
     {at("2024-01-02", 43'200 * one_second) + "|S",
      at("2024-01-02", 0) + "|S"}},
  });
}

TEST(CountTimesTest, NanosecondsAreExactOrRoundedOnce) {
  check({
    {"digits below a nanosecond count nothing only when they are zero",
     "",
     counted("us", "2000-01-01"),
     "1.5\n1.0010000\n1.0005\n1e-3\n1e-4\n1.5e3\n",
     {"1500|S", "1001|S", "1|S", "1500000|S"},
     {"'1.0005' is not a time", "'1e-4' is not a time"}},
    {"of days, hours and minutes the nearest: a half to the even one",
     "",
     counted("d", "2000-01-01"),
     // 86,400 * 10^9 times the fraction.
     "0.00000000000001\n0.0000000000000057\n0.00000000000000578703703703\n"
     "-0.00000000000001\n0.000000000000028935185185185185\n"
     "1e-9000\n0.0000000000000173611111111111111111\n0.015625\n",
     {"1|S", "0|S", "0|S", "-1|S", "2|S", "0|S", "1350000000000|S"},
     {"'0.0000000000000173611111111111111111' is not a time"}},
    {"thirds of an hour",
     "",
     counted("h", "2000-01-01"),
     "0.3333333333333333\n0.3333333333333333333\n-0.6666666666666666666\n",
     {"1200000000000|S", "1200000000000|S", "-2400000000000|S"}},
  });
}

TEST(CountTimesTest, WhatIsNoTimeIsRefused) {
  check({
    {"texts",
     "",
     counted("d", "1899-12-30"),
     "45293\n4529x\n\n-\n1e\n1.2.3\n2024-01-02\ninf\n",
     {at("2024-01-02", 0) + "|S"},
     {"'4529x' is not a time", "'-' is not a time", "'1e' is not a time",
      "'1.2.3' is not a time", "'2024-01-02' is not a time",
      "'inf' is not a time"}},
    {"beyond the years that a date may have",
     "",
     counted("d", "2000-01-01"),
     "106650\n106651\n-106650\n-106652\n9223372036854775807\n"
     "99999999999999999999\n1e30\n1e9000\n",
     {at("2291-12-31", 0) + "|S", "-9214560000000000000|S"},
     {"does not fit", "does not fit", "does not fit", "does not fit",
      "does not fit", "does not fit"}},
    {"beyond them, of the finest unit",
     "",
     counted("100ns", "0001-01-01"),
     "0\n18446744073709551615\n638397846000000000\n",
     {half_past_nine()},
     {"does not fit", "does not fit"}},
  });
}

TEST(CountTimesTest, CountsOfAnotherUnitAreRefused) {
  const std::vector<std::pair<std::string, std::string>> same{
    {"s", "unix_s"}, {"ms", "unix_ms"}, {"us", "unix_us"}, {"ns", "unix_ns"}};
  for (const auto& [unit, format] : same) {
    std::string text;
    // From 10^16 on counts of 100 ns are told as well, which unix_ns takes.
    for (int64_t count = 1; count < 10'000'000'000'000'000; count *= 7)
      text += std::to_string(count) + "\n-" + std::to_string(count) + "\n";
    const auto as_count = load({"", "", counted(unit), text, {}});
    const auto as_unix
      = load({"",
              "",
              "time:timestamp field = 1|format = \"" + format + "\"",
              text,
              {}});
    EXPECT_NE(as_unix.rows(), 0u);
    EXPECT_FALSE(as_unix.rejects.empty());
    EXPECT_EQ(rows_of(as_count), rows_of(as_unix)) << unit;
    EXPECT_EQ(reasons_of(as_count), reasons_of(as_unix)) << unit;
  }
  check({
    {"seconds, milliseconds and microseconds as FILETIME",
     "",
     counted("100ns", "1601-01-01"),
     "13348661400\n13348661400000\n13348661400000000\n133486614000000000\n",
     {half_past_nine()},
     {"another unit", "another unit", "another unit"}},
    {"of kdb+ the year 2000 may be meant",
     "",
     counted("ns", "2000-01-01"),
     "757503000\n",
     {"757503000|S"}},
  });
}

TEST(CountTimesTest, DatesAndWallTimes) {
  const auto day = std::to_string(*text::parse_date("2024-01-02"));
  check({
    {"dates are whole days of any unit",
     "",
     counted("s")
       + ";d:date field = 2|format = \"count\"|unit = \"d\"|epoch = "
         "\"1899-12-30\";e:date field = 3|format = \"count\"|unit = "
         "\"ms\"",
     "1704187800,45293,1704153600000\n1704187800,45293.0,\n"
     "1704187800,45293.5,\n1704187800,,1704153600001\n1704187800,1e-30,\n"
     "1704187800,200000,\n1704187800,x,\n1704187800,,1704153600\n",
     {at("2024-01-02", 34'200 * one_second) + "|" + day + "|" + day + "|S",
      at("2024-01-02", 34'200 * one_second) + "|" + day + "|null|S"},
     {"is finer than", "is finer than", "is finer than", "does not fit",
      "is not a time", "another unit"}},
    {"the clock of a zone, as spreadsheets count",
     "",
     counted("d", "1899-12-30") + "|zone = \"America/New_York\"",
     "45293.1875\n45475.1875\n45361.10416666666667\n",
     {at("2024-01-02", 34'200 * one_second) + "|S",
      at("2024-07-02", 30'600 * one_second) + "|S"},
     {"is a time that the zone's clock skipped"}},
  });
}

// What makes rows of lines is part of what a source is called.
TEST(CountTimesTest, UnitAndEpochMakeAnotherSource) {
  const auto name_of = [](const std::string& columns) {
    const auto got = load({"", "", columns, "1\n", {}});
    EXPECT_EQ(got.batches.size(), 1u) << to_string(got.failed);
    return got.batches.empty() ? columns : got.batches[0].cursor.name;
  };
  const auto ms = name_of(counted("ms"));
  EXPECT_EQ(ms, name_of(counted("ms", "1970-01-01")));
  EXPECT_NE(ms, name_of(counted("ms", "2000-01-01")));
  EXPECT_NE(ms, name_of(counted("s")));
}

TEST(CountTimesTest, FaultsOfLayouts) {
  const auto fault_of = [](const std::string& column) {
    const auto made = parse_layout(
      layout_of({"", "", "time:timestamp field = 1;" + column, "", {}}), "l");
    return made ? "" : made.failure().context;
  };
  struct {
    std::string column;
    std::string fault;
  } const cases[] = {
    {"a:timestamp field = 1|format = \"count\"", "column.unit: is missing"},
    {"a:timestamp field = 1|format = \"count\"|unit = \"sec\"",
     "column.unit: 'sec' is not one of ns, 100ns, us, ms, s, min, h, d"},
    {"a:timestamp field = 1|unit = \"s\"",
     "column.unit: only times of format = \"count\" have one"},
    {"a:long field = 1|epoch = \"2000-01-01\"",
     "column.epoch: only times of format = \"count\" have one"},
    {"a:timestamp field = 1|format = \"count\"|unit = \"s\"|epoch = "
     "\"2000-02-30\"",
     "column.epoch: is not a date such as"},
    {"a:timestamp field = 1|format = \"count\"|unit = \"s\"|epoch = "
     "\"0000-01-01\"",
     "column.epoch: is not a date such as"},
    {"a:timespan field = 1|format = \"count\"|unit = \"s\"",
     "column.format: count does not fit type timespan"},
    {"a:month field = 1|format = \"count\"|unit = \"d\"",
     "column.format: count does not fit type month"},
  };
  for (const auto& each : cases)
    EXPECT_NE(fault_of(each.column).find(each.fault), std::string::npos)
      << fault_of(each.column);
}

} // namespace
} // namespace millrace::feed
