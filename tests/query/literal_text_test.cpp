#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <gtest/gtest.h>

namespace millrace::query {
namespace {

// Cases F1 to F7: where a date begins, in UTC, also when the clocks change.
TEST(DateStartTest, FollowsTheRollRule) {
  struct {
    const char* zone;
    int64_t offset_minutes;
    const char* date;
    const char* begin;
  } const cases[] = {
    {"UTC", 0, "2024-05-02", "2024-05-02T00:00Z"},
    {"Asia/Singapore", 0, "2020-01-02", "2020-01-01T16:00Z"},
    {"Asia/Singapore", -120, "2020-01-02", "2020-01-01T14:00Z"},
    {"Asia/Singapore", 120, "2020-01-02", "2020-01-01T18:00Z"},
    {"America/New_York", -420, "2021-01-16", "2021-01-15T22:00Z"},
    {"America/New_York", -420, "2021-07-16", "2021-07-15T21:00Z"},
    {"America/New_York", -410, "2020-11-02", "2020-11-01T22:10Z"},
    {"America/New_York", -410, "2021-03-15", "2021-03-14T21:10Z"},
    // 02:30 does not exist on the day the clocks go forward.
    {"America/New_York", 150, "2021-03-14", "2021-03-14T07:00Z"},
    // 01:30 comes twice on the day they go back: the first time.
    {"America/New_York", 90, "2020-11-01", "2020-11-01T05:30Z"},
  };
  for (const auto& item : cases) {
    table_schema schema;
    schema.roll_zone = item.zone;
    schema.roll_offset_ns = item.offset_minutes * 60'000'000'000;
    const auto begin
      = date_start(schema, parse_time(item.date)->ns / text::day_ns);
    ASSERT_TRUE(begin) << begin.failure().context;
    EXPECT_EQ(*begin, parse_time(item.begin)->ns) << item.zone << item.date;
  }
  table_schema schema;
  schema.roll_zone = "Mars/Olympus";
  EXPECT_EQ(date_start(schema, 0).failure().code, errc::invalid_argument);
}

TEST(TimeTextTest, ReadsIsoAndKdb) {
  const int64_t day = 5029; // 2013.10.08
  const int64_t half_past_nine = 34'200'000'000'000;
  for (const auto* text :
       {"2013-10-08T09:30", "2013-10-08 09:30:00", "2013.10.08D09:30:00.0",
        "2013-10-08T09:30:00.000000000Z", "2013-10-08T05:30:00-04:00",
        "2013.10.08D09:30:00.000000000"})
    EXPECT_EQ(parse_time(text)->ns, day * text::day_ns + half_past_nine)
      << text;
  EXPECT_EQ(parse_time("2013-10-08T00:00:00.123456789")->ns,
            day * text::day_ns + 123456789);
  EXPECT_EQ(parse_time("1999-12-31T23:59:59.999999999")->ns, -1);
  EXPECT_TRUE(parse_time("2000-02-29")->is_date);
  for (const auto* text :
       {"", "2013", "2013-13-01", "2013-02-29", "2100-02-29", "2013-10-08T",
        "2013-10-08T24:00", "2013-10-08T09:60", "2013-10-08T09:30:00.",
        "2013-10-08T09:30:00.1234567890", "2013-10-08T09:30 ", "2013/10/08",
        "2013-10.08", "2400-01-01", "1500-01-01"})
    EXPECT_FALSE(parse_time(text)) << text;
  EXPECT_EQ(parse_time("1600-01-01T09:30").failure().context,
            "'1600-01-01T09:30' is not within the years 1708 to 2291");
  EXPECT_EQ(parse_literal("2300-01-01", column_type::date).failure().context,
            "'2300-01-01' is not within the years 1708 to 2291");
  EXPECT_EQ(parse_time("2013-02-29").failure().context,
            "'2013-02-29' is not of a day that the calendar has");
}

TEST(TimeTextTest, WritesWhatItReads) {
  struct {
    column_type type;
    int64_t value;
    const char* text;
  } const cases[] = {
    {column_type::timestamp, -1, "1999-12-31T23:59:59.999999999Z"},
    {column_type::timestamp, inf_long, "inf"},
    {column_type::date, 5029, "2013-10-08"},
    {column_type::month, -1, "1999-12"},
    {column_type::month, 165, "2013-10"},
    {column_type::timespan, -text::day_ns - 1, "-1D00:00:00.000000001"},
    {column_type::timespan, 90'000'000'000, "0D00:01:30.000000000"},
    {column_type::time, 34'200'123, "09:30:00.123"},
    {column_type::second, 34'200, "09:30:00"},
    {column_type::minute, 570, "09:30"},
    {column_type::long_, -inf_long, "-9223372036854775807"},
  };
  for (const auto& item : cases) {
    std::string text;
    append_integer(text, item.value, item.type);
    EXPECT_EQ(text, item.text);
    auto back = parse_literal(text, item.type);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(*back, literal{item.value}) << text;
  }
}

// The way back, over days that clocks make longer and shorter, and beyond.
TEST(TableDayTest, EachTimeHasTheDateThatBeginsBeforeIt) {
  for (const auto* zone : {"UTC", "America/New_York", "Pacific/Auckland"})
    for (const int64_t offset_hours : {-7, 0, 17}) {
      const auto offset = offset_hours * text::hour_ns;
      day_finder days{zone, offset};
      for (int64_t day = 7300; day < 7700; ++day) {
        const auto begin = *day_start(zone, offset, day);
        const auto end = *day_start(zone, offset, day + 1);
        ASSERT_LT(begin, end);
        for (const auto ns : {begin, end - 1, begin + (end - begin) / 2}) {
          const auto& found = days.find(ns);
          ASSERT_EQ(found.day, day) << zone << ' ' << ns;
          ASSERT_EQ(found.begin, begin);
          ASSERT_EQ(found.end, end);
        }
      }
      // To the last instants of 64 bits: 2292-04-10 and 1707-09-22 in UTC.
      for (const int64_t day : {-106751, -106750, 106747, 106750}) {
        const auto begin = *day_start(zone, offset, day);
        const auto& found = days.find(begin + text::hour_ns);
        EXPECT_EQ(found.day, day) << zone;
        EXPECT_EQ(found.begin, begin);
        EXPECT_EQ(found.end, *day_start(zone, offset, day + 1));
      }
      EXPECT_LE(std::abs(days.find(inf_long - 1).day), 106752);
      EXPECT_LE(std::abs(days.find(-inf_long + 1).day), 106753);
      EXPECT_EQ(days.find(inf_long).day, inf_int);
      EXPECT_EQ(days.find(-inf_long).day, -inf_int);
      EXPECT_EQ(days.find(0).begin <= 0, true);
    }
}

} // namespace
} // namespace millrace::query
