#include <millrace/feed/parse/time_reader.hpp>
#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <algorithm>
#include <array>

namespace millrace::feed {

namespace {

struct clock_form {
  time_format count;
  time_format digits;
  int64_t unit_ns;
  std::array<std::string_view, 6> words; ///< Of a name that says the unit.
};
// The coarsest first.
const std::array<clock_form, 4> clock_forms{{
  {time_format::s_of_day,
   time_format::hhmmss,
   text::second_ns,
   {"s", "sec", "secs", "second", "seconds", ""}},
  {time_format::ms_of_day,
   time_format::hhmmss_ms,
   1'000'000,
   {"ms", "msec", "millis", "millisecond", "milliseconds", "milli"}},
  {time_format::us_of_day,
   time_format::hhmmss_us,
   1'000,
   {"us", "usec", "micros", "microsecond", "microseconds", "micro"}},
  {time_format::ns_of_day,
   time_format::hhmmss_ns,
   1,
   {"ns", "nsec", "nanos", "nanosecond", "nanoseconds", "nano"}},
}};

bool says_unit(std::string_view name, const clock_form& form) {
  const auto words = words_of(name);
  return std::any_of(words.begin(), words.end(), [&](const auto& word) {
    return !word.empty()
           && std::find(form.words.begin(), form.words.end(), word)
                != form.words.end();
  });
}

/// The least and the greatest that all are of a day; none when one is not.
std::optional<std::pair<int64_t, int64_t>>
range_of(time_format format, const std::vector<std::string_view>& values) {
  const auto utc = zone_clock::open("UTC");
  if (!utc || values.empty())
    return {};
  time_reader reader{format, *utc, null_int};
  auto least = text::day_ns;
  int64_t most = 0;
  for (const auto text : values) {
    int64_t ns = 0;
    const auto padded = std::string{text}.append(text_slack, '\n');
    if (reader.time_of_day(padded.data(), text.size(), ns) != fault::none)
      return {};
    least = std::min(least, ns);
    most = std::max(most, ns);
  }
  return std::pair{least, most};
}

/// Without their fractions.
std::vector<std::string_view>
whole_parts(const std::vector<std::string_view>& values) {
  std::vector<std::string_view> out;
  for (const auto each : values)
    out.push_back(each.substr(0, each.find('.')));
  return out;
}

/// 930 and 1600, or 93000 and 160000.
std::optional<guessed_clock>
digits_of(const std::vector<std::string_view>& values) {
  const auto utc = zone_clock::open("UTC");
  const auto pattern = time_pattern::compile("%H%M");
  if (!utc || !pattern)
    return {};
  const auto reads = [&](time_reader reader, size_t digits_max) {
    bool any_hour = false;
    for (const auto text : values) {
      int64_t ns = 0;
      const auto padded = std::string{text}.append(text_slack, '\n');
      if (text.size() > digits_max
          || reader.time_of_day(padded.data(), text.size(), ns) != fault::none)
        return false;
      any_hour = any_hour || ns >= text::hour_ns;
    }
    return any_hour;
  };
  if (reads({time_format::pattern, *utc, null_int, &*pattern}, 4))
    return guessed_clock{.format = "%H%M", .or_digits = {}, .sure = false};
  size_t digits_max = 6;
  for (const auto& form : clock_forms) {
    if (reads({form.digits, *utc, null_int}, digits_max))
      return guessed_clock{.format = std::string{to_string(form.digits)},
                           .or_digits = {},
                           .sure = false};
    digits_max += 3;
  }
  return {};
}

} // namespace

std::optional<guessed_clock>
guess_clock(const std::vector<std::string_view>& all, std::string_view name) {
  // Who begins so early may as well count a finer unit, from midnight on.
  constexpr auto early = 4 * text::hour_ns;
  std::vector<std::string_view> values;
  const auto& none = words_for_none();
  for (const auto text : all)
    if (!text.empty()
        && std::find(none.begin(), none.end(), text) == none.end())
      values.push_back(text);
  const bool is_said
    = std::any_of(clock_forms.begin(), clock_forms.end(),
                  [&](const auto& form) { return says_unit(name, form); });
  for (const auto& form : clock_forms) {
    if (is_said && !says_unit(name, form))
      continue;
    const auto range = range_of(form.count, values);
    if (!range)
      continue;
    if (range->second < text::hour_ns && !is_said)
      return digits_of(values);
    guessed_clock out{.format = std::string{to_string(form.count)}};
    if (range_of(form.digits, whole_parts(values)))
      out.or_digits = to_string(form.digits);
    out.sure = is_said || (range->first >= early && out.or_digits.empty());
    return out;
  }
  return is_said ? std::nullopt : digits_of(values);
}

} // namespace millrace::feed
