#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/zones.hpp>

#include <gtest/gtest.h>

namespace millrace::text {
namespace {

TEST(ZonesTest, DaysOfChangeAreExact) {
  struct {
    const char* zone;
    civil_date date;
    int64_t minutes; ///< Of that day, on the wall clock.
    civil_date utc_date;
    int64_t utc_minutes;
    bool skipped;
    bool doubled;
  } const cases[] = {
    {"UTC", {2024, 3, 10}, 150, {2024, 3, 10}, 150, false, false},
    // 02:00 becomes 03:00, which is 07:00 UTC.
    {"America/New_York", {2024, 3, 10}, 119, {2024, 3, 10}, 419, false, false},
    {"America/New_York", {2024, 3, 10}, 150, {2024, 3, 10}, 420, true, false},
    {"America/New_York", {2024, 3, 10}, 180, {2024, 3, 10}, 420, false, false},
    // 02:00 becomes 01:00: the first 01:30 is 05:30 UTC.
    {"America/New_York", {2024, 11, 3}, 90, {2024, 11, 3}, 330, false, true},
    {"America/New_York", {2024, 11, 3}, 120, {2024, 11, 3}, 420, false, false},
    // A zone that changes at midnight.
    {"America/Sao_Paulo", {2017, 10, 15}, 30, {2017, 10, 15}, 180, true, false},
    {"Asia/Kolkata", {2024, 1, 1}, 0, {2023, 12, 31}, 1110, false, false},
  };
  for (const auto& each : cases) {
    const auto zone = time_zone::open(each.zone);
    ASSERT_TRUE(zone) << each.zone;
    const auto found
      = zone->at(day_of(each.date) * day_ns + each.minutes * minute_ns);
    EXPECT_EQ(found.utc_ns,
              day_of(each.utc_date) * day_ns + each.utc_minutes * minute_ns)
      << each.zone << ' ' << each.minutes;
    EXPECT_EQ(found.skipped, each.skipped) << each.zone << ' ' << each.minutes;
    EXPECT_EQ(found.doubled, each.doubled) << each.zone << ' ' << each.minutes;
    EXPECT_GT(found.until_ns, found.utc_ns);
  }
}

TEST(ZonesTest, KeepsNanosecondsBeforeAndAfterTheEpoch) {
  const auto zone = *time_zone::open("Europe/Berlin");
  EXPECT_EQ(zone.at(-1).utc_ns, -1 - hour_ns);
  EXPECT_EQ(zone.at(1).utc_ns, 1 - hour_ns);
}

TEST(ZonesTest, SaysHowLongAnOffsetHolds) {
  const auto zone = *time_zone::open("Europe/Berlin");
  // Until 2024-03-31 01:00 UTC.
  EXPECT_EQ(zone.at(day_of({2024, 3, 30}) * day_ns).until_ns,
            day_of({2024, 3, 31}) * day_ns + hour_ns);
  EXPECT_EQ(time_zone::open("UTC")->at(0).until_ns, INT64_MAX);
}

TEST(ZonesTest, RefusesNamesThatNobodyKnows) {
  for (const auto* name : {"", "Nowhere/Land", "../etc/passwd", "UTC "}) {
    const auto zone = time_zone::open(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.failure(),
              (error{errc::not_found, "zone '" + std::string{name}
                                        + "' is not in the time zone "
                                          "database"}));
  }
}

} // namespace
} // namespace millrace::text
