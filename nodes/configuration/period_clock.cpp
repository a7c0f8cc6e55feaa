#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/zones.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>

namespace millrace::nodes {

namespace {

/// 1970.01.01 and 2261.12.31, where nanoseconds in 64 bits still fit.
constexpr int64_t least_date = -10'957;
constexpr int64_t most_date = 95'694;

result<text::time_zone> open_zone(const std::string& name) {
  auto zone = text::time_zone::open(name);
  return zone ? zone : error{errc::invalid_argument, zone.failure().context};
}

int64_t begin_in(const text::time_zone& zone, int64_t offset_ns, int64_t date) {
  return zone.at(date * text::day_ns + offset_ns).utc_ns;
}

result<int64_t> date_in(const text::time_zone& zone, int64_t offset_ns,
                        int64_t at_ns) {
  if (at_ns < (least_date + 4) * text::day_ns
      || at_ns > (most_date - 4) * text::day_ns)
    return error{errc::invalid_argument,
                 "instant " + std::to_string(at_ns)
                   + " ns is outside the years 1970 to 2261"};
  // No zone is further than a day from UTC: start above and come down.
  auto date = text::floor_divide(at_ns - offset_ns, text::day_ns) + 2;
  while (begin_in(zone, offset_ns, date) > at_ns)
    --date;
  return date;
}

} // namespace

int64_t period_rule::roll_offset_ns() const noexcept {
  return time_of_day_ns < text::day_ns / 2 ? time_of_day_ns
                                           : time_of_day_ns - text::day_ns;
}

bool is_time_zone(const std::string& zone) {
  return text::time_zone::open(zone).has_value();
}

result<int64_t> date_begin_ns(const std::string& zone, int64_t offset_ns,
                              int64_t date) {
  const auto found = open_zone(zone);
  if (!found)
    return found.failure();
  if (date < least_date || date > most_date)
    return error{errc::invalid_argument,
                 "date " + std::to_string(date)
                   + " is outside the years 1970 to 2261"};
  return begin_in(*found, offset_ns, date);
}

result<int64_t> date_of_ns(const std::string& zone, int64_t offset_ns,
                           int64_t at_ns) {
  const auto found = open_zone(zone);
  if (!found)
    return found.failure();
  return date_in(*found, offset_ns, at_ns);
}

result<period_end> next_period_end(const period_rule& rule, int64_t now_ns) {
  const auto zone = open_zone(rule.zone);
  if (!zone)
    return zone.failure();
  const auto offset = rule.roll_offset_ns();
  const auto current = date_in(*zone, offset, now_ns);
  if (!current)
    return current.failure();
  return period_end{*current, begin_in(*zone, offset, *current + 1)};
}

} // namespace millrace::nodes
