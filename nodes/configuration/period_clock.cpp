#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/roll_calendar.hpp>
#include <millrace/messages/text/zones.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>

namespace millrace::nodes {

namespace {

using text::roll_calendar;

result<int64_t> date_in(roll_calendar& calendar, int64_t at_ns) {
  if (at_ns < (roll_calendar::date_min + 4) * text::day_ns
      || at_ns > (roll_calendar::date_max - 4) * text::day_ns)
    return error{errc::invalid_argument,
                 "instant " + std::to_string(at_ns)
                   + " ns is outside the years 1970 to 2261"};
  return calendar.date_of(at_ns);
}

} // namespace

int64_t period_rule::roll_offset_ns() const noexcept {
  return time_of_day_ns < text::day_ns / 2 ? time_of_day_ns
                                           : time_of_day_ns - text::day_ns;
}

bool is_time_zone(const std::string& zone) {
  return text::time_zone::open(zone).has_value();
}

result<period_end> next_period_end(const period_rule& rule, int64_t now_ns) {
  auto calendar = roll_calendar::open(rule.zone, rule.roll_offset_ns());
  if (!calendar)
    return error{errc::invalid_argument, calendar.failure().context};
  const auto current = date_in(*calendar, now_ns);
  if (!current)
    return current.failure();
  return period_end{period_id{*current}, calendar->begin_of(*current + 1)};
}

} // namespace millrace::nodes
