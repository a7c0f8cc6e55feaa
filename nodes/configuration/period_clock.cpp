#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>

#include <chrono>
#include <date/tz.h>
#include <exception>

namespace millrace::nodes {

namespace {

using std::chrono::nanoseconds;

/// 1970.01.01 and 2261.12.31, where nanoseconds in 64 bits still fit.
constexpr int64_t least_date = -10'957;
constexpr int64_t most_date = 95'694;

error unknown_zone(const std::string& zone) {
  return {errc::invalid_argument,
          "zone '" + zone + "' is not in the time zone database"};
}

/// Null when unknown: the library throws for that.
const date::time_zone* find_zone(const std::string& zone) {
  try {
    return date::locate_zone(zone);
  } catch (const std::exception&) {
    return nullptr;
  }
}

int64_t begin_in(const date::time_zone& zone, int64_t offset_ns, int64_t date) {
  const date::local_time<nanoseconds> wanted{
    nanoseconds{epoch_2000_ns + date * day_ns + offset_ns}};
  const auto info = zone.get_info(wanted);
  const auto shifted = wanted.time_since_epoch();
  nanoseconds instant{};
  // The later clock starts where the earlier one ends: for a skipped time that
  // is the change itself; of a doubled time the earlier clock shows the first.
  if (info.result == date::local_info::nonexistent)
    instant = info.first.end.time_since_epoch();
  else
    instant = shifted - info.first.offset;
  return instant.count() - epoch_2000_ns;
}

int64_t floor_days(int64_t ns) {
  return ns >= 0 ? ns / day_ns : -((-ns + day_ns - 1) / day_ns);
}

result<int64_t> date_in(const date::time_zone& zone, int64_t offset_ns,
                        int64_t at_ns) {
  if (at_ns < (least_date + 4) * day_ns || at_ns > (most_date - 4) * day_ns)
    return error{errc::invalid_argument,
                 "instant " + std::to_string(at_ns)
                   + " ns is outside the years 1970 to 2261"};
  // No zone is further than a day from UTC: start above and come down.
  auto date = floor_days(at_ns - offset_ns) + 2;
  while (begin_in(zone, offset_ns, date) > at_ns)
    --date;
  return date;
}

} // namespace

int64_t period_rule::roll_offset_ns() const noexcept {
  return time_of_day_ns < day_ns / 2 ? time_of_day_ns : time_of_day_ns - day_ns;
}

bool is_time_zone(const std::string& zone) {
  return find_zone(zone) != nullptr;
}

result<int64_t> date_begin_ns(const std::string& zone, int64_t offset_ns,
                              int64_t date) {
  const auto* found = find_zone(zone);
  if (!found)
    return unknown_zone(zone);
  if (date < least_date || date > most_date)
    return error{errc::invalid_argument,
                 "date " + std::to_string(date)
                   + " is outside the years 1970 to 2261"};
  return begin_in(*found, offset_ns, date);
}

result<int64_t> date_of_ns(const std::string& zone, int64_t offset_ns,
                           int64_t at_ns) {
  const auto* found = find_zone(zone);
  if (!found)
    return unknown_zone(zone);
  return date_in(*found, offset_ns, at_ns);
}

result<period_end> next_period_end(const period_rule& rule, int64_t now_ns) {
  const auto* zone = find_zone(rule.zone);
  if (!zone)
    return unknown_zone(rule.zone);
  const auto offset = rule.roll_offset_ns();
  const auto current = date_in(*zone, offset, now_ns);
  if (!current)
    return current.failure();
  return period_end{*current, begin_in(*zone, offset, *current + 1)};
}

} // namespace millrace::nodes
