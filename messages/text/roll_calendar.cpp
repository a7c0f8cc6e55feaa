#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/roll_calendar.hpp>

#include <cstdlib>

namespace millrace::text {

std::string roll_text(const std::string& zone, int64_t offset_ns) {
  auto out = zone;
  if (offset_ns != 0)
    append_clock(out += offset_ns < 0 ? " - " : " + ", std::abs(offset_ns),
                 offset_ns % 1'000'000'000 == 0 ? clock_detail::seconds
                                                : clock_detail::nanoseconds);
  return out;
}

result<roll_calendar> roll_calendar::open(const std::string& zone,
                                          int64_t offset_ns) {
  auto found = time_zone::open(zone);
  if (!found)
    return found.failure();
  return roll_calendar{*std::move(found), offset_ns};
}

int64_t roll_calendar::begin_of(int64_t date) const {
  return zone_.at(date * day_ns + offset_ns_).utc_ns;
}

int64_t roll_calendar::date_of(int64_t at_ns) {
  if (at_ns >= begin_ns_ && at_ns < end_ns_)
    return date_;
  // A date's instants, less the offset, stay within 64 bits here.
  const auto plain = floor_divide(at_ns, day_ns);
  if (plain < date_min + 4 || plain > date_max - 4)
    return floor_divide(at_ns / 2 - offset_ns_ / 2, day_ns / 2);
  // No zone is further than a day from UTC: start above and come down.
  auto date = floor_divide(at_ns - offset_ns_, day_ns) + 2;
  while (begin_of(date) > at_ns)
    --date;
  date_ = date;
  begin_ns_ = begin_of(date);
  end_ns_ = begin_of(date + 1);
  return date;
}

} // namespace millrace::text
