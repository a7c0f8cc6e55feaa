#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/zones.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

/// Dates that 64 bits of ns hold, and a margin.
constexpr int64_t days_max = inf_long / text::day_ns - 4;

} // namespace

result<int64_t> day_start(std::string_view zone, int64_t offset_ns,
                          int64_t day) {
  if (day > days_max || day < -days_max)
    return day > 0 ? inf_long : -inf_long;
  const auto wall_ns = day * text::day_ns + offset_ns;
  // The common case needs no time-zone data base.
  if (zone == "UTC" || zone.empty())
    return wall_ns;
  const auto known = text::time_zone::open(std::string{zone});
  if (!known)
    return error{errc::invalid_argument, "roll " + known.failure().context};
  return known->at(wall_ns).utc_ns;
}

const day_span& day_finder::find(int64_t ns) {
  if (ns >= last_.begin && ns < last_.end)
    return last_;
  const auto start = [this](int64_t day) {
    const auto found = day_start(zone_, offset_ns_, day);
    return found ? *found : day * text::day_ns + offset_ns_;
  };
  auto day = text::floor_divide(ns, text::day_ns);
  if (std::abs(day) >= days_max - 2) {
    const auto border = (days_max - 2) * text::day_ns;
    last_ = ns > 0 ? day_span{inf_int, border, inf_long}
                   : day_span{-inf_int, -inf_long, -border};
    // The last instant of 64 bits has no end after it.
    if (ns == inf_long)
      last_.begin = ns;
    return last_;
  }
  // A zone is at most some fifteen hours off, an offset at most a day.
  day -= 3;
  auto begin = start(day);
  auto end = start(day + 1);
  while (end <= ns) {
    begin = end;
    ++day;
    end = start(day + 1);
  }
  last_ = {day, begin, end};
  return last_;
}

} // namespace millrace::query
