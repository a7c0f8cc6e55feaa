#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/time_scan.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace millrace::text {
namespace {

TEST(CivilTimeTest, KnowsTheDaysOfTheCalendar) {
  struct {
    civil_date date;
    int64_t day;
  } const cases[] = {
    {{2000, 1, 1}, 0},         {{1999, 12, 31}, -1},
    {{1970, 1, 1}, -10'957},   {{2000, 2, 29}, 59},
    {{2000, 3, 1}, 60},        {{2013, 10, 8}, 5'029},
    {{2024, 2, 29}, 8'825},    {{2100, 3, 1}, 36'584},
    {{1708, 1, 1}, -106'651},  {{2291, 12, 31}, 106'650},
    {{1, 1, 1}, -730'119},     {{0, 12, 31}, -730'120},
    {{-400, 2, 29}, -876'523}, {{9999, 12, 31}, 2'921'939},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(day_of(each.date), each.day);
    EXPECT_EQ(civil_of(each.day), each.date) << each.day;
  }
}

// Against counting: each day of eight centuries follows the one before.
TEST(CivilTimeTest, EachDateFollowsTheOneBefore) {
  civil_date date{1600, 1, 1};
  for (auto day = day_of(date); date.year < 2400; ++day) {
    ASSERT_EQ(civil_of(day), date);
    ASSERT_EQ(day_of(date), day);
    ASSERT_TRUE(exists(date));
    const bool leap
      = date.year % 400 == 0 || (date.year % 4 == 0 && date.year % 100 != 0);
    const bool short_month = date.month == 4 || date.month == 6
                             || date.month == 9 || date.month == 11;
    const uint32_t last = date.month == 2 ? (leap ? 29u : 28u)
                          : short_month   ? 30u
                                          : 31u;
    if (date.day < last) {
      ++date.day;
    } else {
      ASSERT_FALSE(exists({date.year, date.month, last + 1}));
      date = date.month < 12 ? civil_date{date.year, date.month + 1, 1}
                             : civil_date{date.year + 1, 1, 1};
    }
  }
}

TEST(CivilTimeTest, ParsesDates) {
  for (const auto* text : {"2013-10-08", "2013.10.08", "20131008"})
    EXPECT_EQ(*parse_date(text), 5'029) << text;
  EXPECT_EQ(*parse_date("1708-01-01"), -106'651);
  EXPECT_EQ(*parse_date("2291-12-31"), 106'650);
  const std::string nul{"2013-10-0\0", 10};
  for (const std::string& text : {
         std::string{},
         std::string{"2013"},
         std::string{"2013-1-1"},
         std::string{"2013-10.08"},
         std::string{"2013/10/08"},
         std::string{"8.10.2013"},
         std::string{"2013-13-08"},
         std::string{"2013-00-08"},
         std::string{"2013-10-00"},
         std::string{"2013-02-29"},
         std::string{"2100-02-29"},
         std::string{"1707-12-31"},
         std::string{"2292-01-01"},
         std::string{"0000-01-01"},
         std::string{"2013-10-08 "},
         std::string{" 2013-10-08"},
         std::string{"-2013-10-08"},
         std::string{"2013-10-0x"},
         std::string{"201310081"},
         std::string{"2013--10-08"},
         nul,
       }) {
    const auto day = parse_date(text);
    ASSERT_FALSE(day) << text;
    EXPECT_EQ(day.failure().code, errc::invalid_argument);
    EXPECT_EQ(day.failure().context,
              "'" + text + "' is not a date such as 2013-10-08 or 20131008");
  }
}

TEST(CivilTimeTest, WritesDates) {
  EXPECT_EQ(date_text(5'029), "2013-10-08");
  EXPECT_EQ(date_text(5'029, '.'), "2013.10.08");
  EXPECT_EQ(date_text(5'029, '\0'), "20131008");
  EXPECT_EQ(date_text(-730'120), "0000-12-31");
  EXPECT_EQ(date_text(-876'523), "-0400-02-29");
  EXPECT_EQ(date_text(2'921'940), "10000-01-01");
  std::string months;
  for (const int64_t month : {0, -1, 165, -24'000, -24'001}) {
    append_month(months, month);
    months += ' ';
  }
  EXPECT_EQ(months, "2000-01 1999-12 2013-10 0000-01 -0001-12 ");
}

TEST(CivilTimeTest, WritesTimesToTheEndsOf64Bits) {
  EXPECT_EQ(time_text(0), "2000-01-01T00:00:00.000000000Z");
  EXPECT_EQ(time_text(-1), "1999-12-31T23:59:59.999999999Z");
  EXPECT_EQ(time_text(5'029 * day_ns + 9 * hour_ns + 30 * minute_ns + 1),
            "2013-10-08T09:30:00.000000001Z");
  // date -u -d @1381247999.123456789
  EXPECT_EQ(time_text(434'563'199'123'456'789),
            "2013-10-08T15:59:59.123456789Z");
  EXPECT_EQ(time_text(std::numeric_limits<int64_t>::max()),
            "2292-04-10T23:47:16.854775807Z");
  EXPECT_EQ(time_text(std::numeric_limits<int64_t>::min()),
            "1707-09-22T00:12:43.145224192Z");
}

TEST(CivilTimeTest, WritesClocksAndTimespans) {
  const auto clock = [](int64_t ns, clock_detail detail) {
    std::string out;
    append_clock(out, ns, detail);
    return out;
  };
  const auto ns = 9 * hour_ns + 5 * minute_ns + 7 * second_ns + 12'345'678;
  EXPECT_EQ(clock(ns, clock_detail::minutes), "09:05");
  EXPECT_EQ(clock(ns, clock_detail::seconds), "09:05:07");
  EXPECT_EQ(clock(ns, clock_detail::milliseconds), "09:05:07.012");
  EXPECT_EQ(clock(ns, clock_detail::nanoseconds), "09:05:07.012345678");
  EXPECT_EQ(clock(100 * hour_ns, clock_detail::minutes), "100:00");
  const auto timespan = [](int64_t value) {
    std::string out;
    append_timespan(out, value);
    return out;
  };
  EXPECT_EQ(timespan(90 * second_ns), "0D00:01:30.000000000");
  EXPECT_EQ(timespan(-day_ns - 1), "-1D00:00:00.000000001");
  EXPECT_EQ(timespan(std::numeric_limits<int64_t>::min()),
            "-106751D23:47:16.854775808");
}

TEST(TimeScanTest, TellsWhatIsWrongWithADate) {
  struct {
    const char* text;
    time_forms forms;
    scan_fault fault;
    const char* rest;
  } const cases[] = {
    {"2013-10-08T", time_forms::extended, scan_fault::none, "T"},
    {"20131008", time_forms::any, scan_fault::none, ""},
    {"20131008", time_forms::extended, scan_fault::form, ""},
    {"2013/10/08", time_forms::any, scan_fault::none, ""},
    {"2013/10/08", time_forms::extended, scan_fault::form, ""},
    {"2013.10.08D", time_forms::extended, scan_fault::none, "D"},
    {"2013-02-30", time_forms::any, scan_fault::calendar, ""},
    {"2013-13-01", time_forms::any, scan_fault::calendar, ""},
    {"1500-01-01", time_forms::any, scan_fault::range, ""},
    {"2013-10", time_forms::any, scan_fault::form, ""},
  };
  for (const auto& each : cases) {
    scanner in{each.text};
    int64_t day = 0;
    ASSERT_EQ(scan_date(in, each.forms, day), each.fault) << each.text;
    if (each.fault == scan_fault::none)
      EXPECT_EQ(in.rest(), each.rest);
  }
}

TEST(TimeScanTest, ReadsClocks) {
  struct {
    const char* text;
    int64_t extended; ///< -1: not read.
    int64_t any;
  } const cases[] = {
    {"09:30", 34'200 * second_ns, 34'200 * second_ns},
    {"09:30:15", 34'215 * second_ns, 34'215 * second_ns},
    {"09:30:15.5", 34'215'500'000'000, 34'215'500'000'000},
    {"23:59:59.999999999", day_ns - 1, day_ns - 1},
    {"093015", -1, 34'215 * second_ns},
    {"0930", -1, 34'200 * second_ns},
    {"09:30:15,5", -1, 34'215'500'000'000},
    {"24:00", -1, -1},
    {"09:60", -1, -1},
    {"09:30:60", -1, -1},
    {"09:30:15.", -1, -1},
    {"09:30:15.1234567890", -1, -1},
    {"9:30", -1, -1},
    {"09:3", -1, -1},
    {"", -1, -1},
    {"09:30:1\xff", -1, -1},
  };
  for (const auto& each : cases)
    for (const auto forms : {time_forms::extended, time_forms::any}) {
      const auto wanted = forms == time_forms::any ? each.any : each.extended;
      scanner in{each.text};
      int64_t ns = 0;
      const bool read = scan_clock(in, forms, ns) && in.done();
      EXPECT_EQ(read ? ns : -1, wanted) << each.text;
    }
}

TEST(TimeScanTest, ReadsOffsets) {
  struct {
    const char* text;
    int64_t minutes; ///< 9999: not read.
  } const cases[] = {
    {"Z", 0},      {"+02", 120},  {"+0530", 330},   {"-04:00", -240},
    {"+18", 1080}, {"+19", 9999}, {"+02:60", 9999}, {"02", 9999},
    {"", 9999},    {"+2", 9999},  {"+02:", 9999},   {"z", 9999},
  };
  for (const auto& each : cases) {
    scanner in{each.text};
    int64_t ns = 0;
    const bool read = scan_offset(in, ns) && in.done();
    EXPECT_EQ(read ? ns / minute_ns : 9999, each.minutes) << each.text;
  }
}

} // namespace
} // namespace millrace::text
