// The reference is the C library: it reads the same zone files with code of
// its own. The first instant whose local clock shows a wanted time or later is
// found by bisection over its answers.
#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/roll_calendar.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace millrace::nodes {
namespace {

constexpr int64_t hour_ns = 3'600'000'000'000;
constexpr int64_t second_ns = 1'000'000'000;

class zone_of_the_c_library {
public:
  explicit zone_of_the_c_library(const std::string& zone) {
    setenv("TZ", zone.c_str(), 1);
    tzset();
  }
  ~zone_of_the_c_library() {
    unsetenv("TZ");
    tzset();
  }
  zone_of_the_c_library(const zone_of_the_c_library&) = delete;
  zone_of_the_c_library& operator=(const zone_of_the_c_library&) = delete;

  /// Seconds that the local clock shows, as if it were UTC.
  static int64_t shown(int64_t unix_s) {
    const auto at = static_cast<time_t>(unix_s);
    tm parts{};
    localtime_r(&at, &parts);
    return timegm(&parts);
  }

  /// Steps second by second over the only hours where it can lie.
  static int64_t first_showing(int64_t wanted_s) {
    auto at = wanted_s - 16 * 3600;
    for (auto step : {3600, 60, 1})
      while (shown(at + step) < wanted_s)
        at += step;
    return at + 1;
  }
};

/// Days since 2000.01.01.
int64_t date_of(int year, int month, int day) {
  tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  return (timegm(&parts) - epoch_2000_ns / second_ns) / 86'400;
}

struct zone_case {
  const char* zone;
  int64_t offset_ns;
};

class PeriodClockZoneTest : public ::testing::TestWithParam<zone_case> {};

/// Goal: the start of every date of years with changes of many kinds equals
/// the C library's, and the dates partition time.
TEST_P(PeriodClockZoneTest, AgreesWithTheCLibraryOnEveryDay) {
  const auto [zone, offset] = GetParam();
  const zone_of_the_c_library reference{zone};
  auto calendar = text::roll_calendar::open(zone, offset);
  ASSERT_TRUE(calendar) << calendar.failure().context;
  for (auto year : {2005, 2007, 2011, 2013, 2024, 2025}) {
    for (auto date = date_of(year, 1, 1); date <= date_of(year, 12, 31);
         ++date) {
      const auto begin = calendar->begin_of(date);
      const auto wanted_s
        = (epoch_2000_ns + date * text::day_ns + offset) / second_ns;
      const auto expected
        = zone_of_the_c_library::first_showing(wanted_s) * second_ns
          - epoch_2000_ns;
      ASSERT_EQ(begin, expected) << zone << " date " << date;
      const auto next = calendar->begin_of(date + 1);
      if (next == begin)
        continue; // The zone skipped this date.
      EXPECT_EQ(calendar->date_of(begin), date);
      EXPECT_EQ(calendar->date_of(begin + hour_ns), date);
      EXPECT_EQ(calendar->date_of(next - 1), date);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
  Zones, PeriodClockZoneTest,
  ::testing::Values(
    zone_case{"UTC", 0}, zone_case{"America/New_York", 0},
    zone_case{"America/New_York", -7 * hour_ns},
    // Inside the hours that spring skips and autumn repeats.
    zone_case{"America/New_York", 2 * hour_ns + hour_ns / 2},
    zone_case{"America/New_York", hour_ns + hour_ns / 2},
    zone_case{"Europe/London", hour_ns / 2},
    zone_case{"Europe/Berlin", 2 * hour_ns + 1'800 * second_ns},
    zone_case{"Asia/Tokyo", 6 * hour_ns}, zone_case{"Asia/Kolkata", 0},
    // Summer time of half an hour; changes at midnight; a date left out.
    zone_case{"Australia/Lord_Howe", 2 * hour_ns},
    zone_case{"America/Sao_Paulo", 0}, zone_case{"Pacific/Apia", 0}));

TEST(PeriodClockTest, EndsAfterTwentyThreeAndTwentyFiveHoursOnDaysOfChange) {
  const period_rule rule{"America/New_York", 0};
  const auto calendar = text::roll_calendar::open(rule.zone, 0);
  ASSERT_TRUE(calendar);
  // 2024.03.10 lost an hour, 2024.11.03 won one.
  for (const auto& [date, hours] : {std::pair{date_of(2024, 3, 10), 23},
                                    {date_of(2024, 3, 11), 24},
                                    {date_of(2024, 11, 3), 25}}) {
    const auto begin = calendar->begin_of(date);
    const auto end = next_period_end(rule, begin);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->period, period_id{date});
    EXPECT_EQ(end->end_ns - begin, hours * hour_ns);
  }
}

TEST(PeriodClockTest, NamesPeriodsByTheDayTheyTradeIn) {
  const auto noon = date_of(2024, 6, 5) * text::day_ns + 12 * hour_ns;
  const auto date = date_of(2024, 6, 5);
  // 17:00 in New York is 21:00 UTC and ends the same day.
  EXPECT_EQ(*next_period_end({"America/New_York", 17 * hour_ns}, noon),
            (period_end{period_id{date}, date * text::day_ns + 21 * hour_ns}));
  // After that, the next period is running.
  EXPECT_EQ(next_period_end({"America/New_York", 17 * hour_ns},
                            date * text::day_ns + 21 * hour_ns)
              ->period,
            period_id{date + 1});
  // Midnight and 06:00 end the day before.
  EXPECT_EQ(*next_period_end({"UTC", 0}, noon),
            (period_end{period_id{date}, (date + 1) * text::day_ns}));
  EXPECT_EQ(*next_period_end({"UTC", 24 * hour_ns}, noon),
            (period_end{period_id{date}, (date + 1) * text::day_ns}));
  EXPECT_EQ(
    *next_period_end({"UTC", 6 * hour_ns}, noon),
    (period_end{period_id{date}, (date + 1) * text::day_ns + 6 * hour_ns}));
}

TEST(PeriodClockTest, AnInstantAtTheEndBelongsToTheNextPeriod) {
  const period_rule rule{"Europe/Berlin", 18 * hour_ns};
  auto now = date_of(2013, 10, 1) * text::day_ns;
  for (int i = 0; i < 400; ++i) {
    const auto end = next_period_end(rule, now);
    ASSERT_TRUE(end);
    EXPECT_GT(end->end_ns, now);
    EXPECT_EQ(*next_period_end(rule, end->end_ns - 1), *end);
    EXPECT_EQ(next_period_end(rule, end->end_ns)->period, end->period.next());
    now = end->end_ns;
  }
}

TEST(PeriodClockTest, RefusesWhatItCannotAnswer) {
  EXPECT_EQ(next_period_end({"Mars/Olympus", 0}, 0).failure().code,
            errc::invalid_argument);
  EXPECT_FALSE(is_time_zone(""));
  EXPECT_TRUE(is_time_zone("Europe/Berlin"));
  for (auto at : {null_long, inf_long})
    EXPECT_EQ(next_period_end({"UTC", 12 * hour_ns}, at).failure().code,
              errc::invalid_argument);
}

} // namespace
} // namespace millrace::nodes
