#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/zones.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <algorithm>
#include <cstdlib>

namespace millrace::query {

namespace {

/// The last date that begins within 64 bits of ns, in UTC.
constexpr int64_t days_max = inf_long / text::day_ns;
/// No zone, with an offset, is further from UTC.
constexpr int64_t margin_days = 3;

int64_t kept_sum(int64_t a, int64_t b) {
  int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out) || out == null_long)
    return a > 0 ? inf_long : -inf_long;
  return out;
}

} // namespace

result<int64_t> day_start(std::string_view zone, int64_t offset_ns,
                          int64_t day) {
  if (std::abs(day) > days_max + margin_days)
    return day > 0 ? inf_long : -inf_long;
  // Near the ends of 64 bits the clock is that of some days nearer.
  const auto room = days_max - 2 * margin_days;
  const auto near_day = std::clamp(day, -room, room);
  const auto beyond_ns = (day - near_day) * text::day_ns;
  const auto wall_ns = near_day * text::day_ns + offset_ns;
  // The common case needs no time-zone data base.
  if (zone == "UTC" || zone.empty())
    return kept_sum(wall_ns, beyond_ns);
  const auto known = text::time_zone::open(std::string{zone});
  if (!known)
    return error{errc::invalid_argument, "roll " + known.failure().context};
  return kept_sum(known->at(wall_ns).utc_ns, beyond_ns);
}

int64_t day_finder::begin_of(int64_t day) const {
  const auto found = day_start(zone_, offset_ns_, day);
  return found ? *found : day * text::day_ns + offset_ns_;
}

const day_span& day_finder::find(int64_t ns) {
  if (ns >= last_.begin && ns < last_.end)
    return last_;
  const auto start = [this](int64_t day) { return begin_of(day); };
  // The last instant of 64 bits has no end after it.
  if (ns == inf_long || ns == -inf_long) {
    last_ = ns > 0 ? day_span{inf_int, ns, ns} : day_span{-inf_int, ns, ns + 1};
    return last_;
  }
  auto day = text::floor_divide(ns, text::day_ns) - margin_days;
  auto begin = start(day);
  auto end = start(day + 1);
  while (end <= ns) {
    begin = end;
    ++day;
    end = start(day + 1);
  }
  last_ = {day, std::max(begin, -inf_long + 1), end};
  return last_;
}

} // namespace millrace::query
