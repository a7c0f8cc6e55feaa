#include <millrace/feed/text/zone_clock.hpp>
#include <millrace/messages/text/civil_time.hpp>

namespace millrace::feed {

result<zone_clock> zone_clock::open(const std::string& zone) {
  auto found = text::time_zone::open(zone);
  if (!found)
    return found.failure();
  return zone_clock{*found};
}

void zone_clock::load(int32_t day) {
  const auto midnight = zone_.at(int64_t{day} * text::day_ns);
  day_ = day;
  uniform_ = !midnight.skipped && !midnight.doubled
             && midnight.until_ns >= midnight.utc_ns + text::day_ns;
  midnight_ = midnight.utc_ns;
}

bool zone_clock::look_up(int32_t day, int64_t ns_of_day, int64_t& utc) const {
  const auto found = zone_.at(int64_t{day} * text::day_ns + ns_of_day);
  utc = found.utc_ns;
  return !found.skipped;
}

} // namespace millrace::feed
