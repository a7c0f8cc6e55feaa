#include <millrace/feed/text/time_count.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/time_scan.hpp>

#include <algorithm>
#include <array>

namespace millrace::feed {

namespace {

/// Room for any count of 64 bits in any unit, from any epoch.
__extension__ using wide_ns = __int128;

struct named_unit {
  const char* name;
  int64_t ns;
};
constexpr std::array<named_unit, 8> units{{{"ns", 1},
                                           {"100ns", 100},
                                           {"us", 1'000},
                                           {"ms", 1'000'000},
                                           {"s", text::second_ns},
                                           {"min", text::minute_ns},
                                           {"h", text::hour_ns},
                                           {"d", text::day_ns}}};

constexpr int64_t first_day = text::day_of({text::year_min, 1, 1});
constexpr int64_t last_day = text::day_of({text::year_max, 12, 31});

/// Feeds hold nothing of before, so that a count of then is one in another
/// unit.
constexpr wide_ns data_begins
  = wide_ns{text::day_of({1985, 1, 1})} * text::day_ns;
/// 10^9 and 10^10 seconds after 1970, as for the other counts since then.
constexpr wide_ns century_begins = wide_ns{53'315'200} * text::second_ns;
constexpr wide_ns century_ends = wide_ns{9'053'315'200} * text::second_ns;

bool counts_another_unit(wide_ns ns, const time_count& how) noexcept {
  const auto size = ns < 0 ? -ns : ns;
  const auto epoch = wide_ns{how.epoch} * text::day_ns;
  if (epoch + size >= data_begins)
    return false;
  return std::any_of(units.begin(), units.end(), [&](const auto& each) {
    if (each.ns <= how.unit_ns || each.ns > text::second_ns)
      return false;
    const auto other = epoch + size / how.unit_ns * each.ns;
    return other >= century_begins && other < century_ends;
  });
}

/// Of a count that is beyond all times: whether it is of this century in a
/// finer unit since then, as the others count it.
bool counts_finer_unit(wide_ns ns, const time_count& how) noexcept {
  const auto count = (ns < 0 ? -ns : ns) / how.unit_ns;
  const auto epoch = wide_ns{how.epoch} * text::day_ns;
  return std::any_of(units.begin(), units.end(), [&](const auto& each) {
    const auto other = epoch + count * each.ns;
    return each.ns < how.unit_ns && each.ns <= text::second_ns
           && other >= century_begins && other < century_ends;
  });
}

enum class remainder { none, some };

/// value * unit_ns in whole nanoseconds, rounded once to nearest, ties to even.
fault to_ns(const exact_decimal& value, int64_t unit_ns, wide_ns& out,
            remainder& left) noexcept {
  // The first is beyond all times; beside the second no `above` counts.
  constexpr auto above_max = wide_ns{1} << 80;
  constexpr auto below_max = wide_ns{1} << 120;
  auto above = wide_ns{value.digits} * unit_ns;
  auto exponent = value.exponent;
  for (; exponent > 0; --exponent) {
    if (above > above_max)
      return fault::overflow;
    above *= 10;
  }
  wide_ns below = 1;
  for (; exponent < 0 && below < below_max; ++exponent)
    below *= 10;
  out = 0;
  left = remainder::some;
  if (exponent < 0)
    return fault::none; // Far below half a nanosecond.
  const auto rest = above % below;
  left = rest != 0 ? remainder::some : remainder::none;
  out = above / below;
  if (rest * 2 > below || (rest * 2 == below && out % 2 != 0))
    ++out;
  if (value.negative)
    out = -out;
  return fault::none;
}

fault read(const char* text, size_t length, const time_count& how, wide_ns& out,
           remainder& left) noexcept {
  int64_t count = 0;
  left = remainder::none;
  auto why = parse_integer(text, length, count);
  if (why == fault::none) {
    out = wide_ns{count} * how.unit_ns;
  } else {
    exact_decimal value;
    const auto read = parse_exact({text, length}, value);
    if (read != fault::none)
      return why == fault::overflow ? why : fault::not_time;
    if (why = to_ns(value, how.unit_ns, out, left); why != fault::none)
      return why;
  }
  return counts_another_unit(out, how) ? fault::ambiguous : fault::none;
}

} // namespace

std::vector<std::string_view> count_units() {
  std::vector<std::string_view> out;
  for (const auto& each : units)
    out.emplace_back(each.name);
  return out;
}

int64_t count_unit_ns(size_t unit) noexcept { return units.at(unit).ns; }

std::optional<int32_t> parse_epoch(std::string_view text) {
  text::scanner in{text};
  int32_t year = 0;
  int32_t month = 0;
  int32_t day = 0;
  if (!in.digits(4, year) || !in.take('-') || !in.digits(2, month)
      || !in.take('-') || !in.digits(2, day) || !in.done() || year == 0)
    return {};
  const text::civil_date date{year, static_cast<uint32_t>(month),
                              static_cast<uint32_t>(day)};
  if (!text::exists(date))
    return {};
  return static_cast<int32_t>(text::day_of(date));
}

fault read_count(const char* text, size_t length, const time_count& how,
                 int64_t& out) noexcept {
  wide_ns ns = 0;
  auto left = remainder::none;
  if (const auto why = read(text, length, how, ns, left); why != fault::none)
    return why;
  if (left == remainder::some && how.unit_ns < text::minute_ns)
    return fault::not_time;
  const auto since = ns;
  ns += wide_ns{how.epoch} * text::day_ns;
  if (ns < wide_ns{first_day} * text::day_ns
      || ns >= wide_ns{last_day + 1} * text::day_ns)
    return counts_finer_unit(since, how) ? fault::ambiguous : fault::overflow;
  out = static_cast<int64_t>(ns);
  return fault::none;
}

fault read_day_count(const char* text, size_t length, const time_count& how,
                     int32_t& out) noexcept {
  wide_ns ns = 0;
  auto left = remainder::none;
  if (const auto why = read(text, length, how, ns, left); why != fault::none)
    return why;
  if (left == remainder::some || ns % text::day_ns != 0)
    return fault::too_fine;
  const auto day = ns / text::day_ns + how.epoch;
  if (day < first_day || day > last_day)
    return fault::overflow;
  out = static_cast<int32_t>(day);
  return fault::none;
}

} // namespace millrace::feed
