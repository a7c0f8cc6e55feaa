#include <millrace/feed/text/zone_clock.hpp>

#include <cstdio>
#include <date/date.h>
#include <date/tz.h>

namespace millrace::feed {

namespace {

constexpr int32_t days_1970_to_2000 = 10'957;

date::local_days local_day(int32_t day) {
  return date::local_days{date::days{day + days_1970_to_2000}};
}

int64_t since_2000(date::sys_seconds at) {
  return at.time_since_epoch().count() * 1'000'000'000 - epoch_2000_ns;
}

} // namespace

civil_date civil_of(int32_t days) noexcept {
  const date::year_month_day ymd{
    date::sys_days{date::days{days + days_1970_to_2000}}};
  return {int{ymd.year()}, static_cast<int32_t>(unsigned{ymd.month()}),
          static_cast<int32_t>(unsigned{ymd.day()})};
}

std::string compact_date(int32_t days) {
  const auto civil = civil_of(days);
  char text[40];
  std::snprintf(text, sizeof text, "%04d%02d%02d", civil.year, civil.month,
                civil.day);
  return text;
}

result<int32_t> parse_date(std::string_view text) {
  std::string digits;
  bool good = text.size() == 8 || text.size() == 10;
  for (size_t i = 0; good && i < text.size(); ++i) {
    if (text.size() == 10 && (i == 4 || i == 7))
      good = (text[i] == '-' || text[i] == '.') && text[i] == text[4];
    else if (text[i] >= '0' && text[i] <= '9')
      digits += text[i];
    else
      good = false;
  }
  if (good) {
    const auto number = std::stoi(digits);
    const date::year_month_day ymd{
      date::year{number / 10'000},
      date::month{static_cast<unsigned>(number / 100 % 100)},
      date::day{static_cast<unsigned>(number % 100)}};
    if (ymd.ok() && number / 10'000 >= 1710 && number / 10'000 <= 2290)
      return days_of(number / 10'000, number / 100 % 100, number % 100);
  }
  return error{errc::invalid_argument, "'" + std::string{text}
                                         + "' is not a date such as "
                                           "2013-10-08 or 20131008"};
}

result<zone_clock> zone_clock::open(const std::string& zone) {
  try {
    return zone_clock{date::locate_zone(zone)};
  } catch (const std::exception& fault) {
    return error{errc::not_found, "time zone '" + zone + "': " + fault.what()};
  }
}

void zone_clock::load(int32_t day) {
  const auto begin = date::local_seconds{local_day(day)};
  const auto info = zone_->get_info(begin);
  day_ = day;
  const date::sys_seconds midnight{begin.time_since_epoch()
                                   - info.first.offset};
  uniform_ = info.result == date::local_info::unique
             && info.first.end >= midnight + date::days{1};
  midnight_ = since_2000(midnight);
}

bool zone_clock::look_up(int32_t day, int64_t ns_of_day, int64_t& utc) const {
  const auto seconds = ns_of_day / 1'000'000'000;
  const auto local
    = date::local_seconds{local_day(day)} + std::chrono::seconds{seconds};
  const auto info = zone_->get_info(local);
  if (info.result == date::local_info::nonexistent)
    return false;
  // `first` is the offset in force before a change, hence the earlier reading.
  utc = since_2000(
          date::sys_seconds{local.time_since_epoch() - info.first.offset})
        + ns_of_day % 1'000'000'000;
  return true;
}

} // namespace millrace::feed
