#include <millrace/feed/source/guessed_time_internal.hpp>
#include <millrace/messages/text/toml_string.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace millrace::feed {

namespace {

using kind = guessed_column::kind;

/// Whether a name says nothing else.
bool says_time_alone(std::string_view name) {
  std::string words;
  for (const auto& each : words_of(name))
    words += (words.empty() ? "" : " ") + each;
  return words == "time" || words == "timestamp" || words == "ts"
         || words == "datetime" || words == "date time";
}

/// The same of the date that belongs to the time of a row.
bool says_day_alone(std::string_view name) {
  const auto words = words_of(name);
  return std::all_of(words.begin(), words.end(), [](const auto& each) {
    for (const auto* word :
         {"date",  "day",   "trade",    "trading",   "session",  "business",
          "quote", "event", "exchange", "market",    "bar",      "tick",
          "utc",   "local", "gmt",      "tradedate", "yyyymmdd", "dt",
          "the",   "of",    "time",     "timestamp"})
      if (each == word)
        return true;
    return false;
  });
}

class time_finder {
public:
  time_finder(const layout_head& head, std::vector<guessed_column>& columns)
    : head_{head}, columns_{columns} {}

  result<guessed_time> run() {
    auto time = find_stamp();
    const auto named = named_clock();
    const bool is_named
      = time && head_.header && says_time_alone(head_.names[*time]);
    if (time && named && !is_named) {
      out_.questions.push_back("which of its times is that of the row: "
                               + name_of(*named) + ", " + name_of(*time)
                               + "? The one that is called so is taken");
      time.reset();
    } else if (!time && !named) {
      time = first_of(kind::stamp);
    }
    if (!time && !named)
      time = find_count();
    if (!time) {
      time = find_two();
      if (!time)
        return error{
          errc::bad_data,
          "none of its fields looks like a time (seen: " + seen_in(head_)
            + (first_of(kind::month) ? "; a month is not one" : "")
            + "): write the layout by hand, from one of `millrace layout "
              "--preset NAME`: "
            + presets_for(head_)
            + (first_of(kind::whole) || first_of(kind::decimal)
                 ? "; numbers that count from a day on, as those of Excel and "
                   "Windows, are read by format = \"count\""
                 : "")};
    }
    out_.time = *time;
    return std::move(out_);
  }

private:
  [[nodiscard]] std::optional<size_t> first_of(
    kind wanted, const std::function<bool(size_t)>& suits
                 = [](size_t) { return true; }) const {
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].is == wanted && suits(i))
        return i;
    return {};
  }

  /// A time of day that is called a time and nothing else.
  [[nodiscard]] std::optional<size_t> named_clock() const {
    return first_of(kind::clock, [&](size_t i) {
      return head_.header && says_time_alone(head_.names[i]);
    });
  }

  /// Of several, the one that is called a time and nothing else.
  std::optional<size_t> find_stamp() {
    std::vector<size_t> found;
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].is == kind::stamp
          && (!head_.header
              || !(says_local(head_.names[i])
                   || says_other_day(head_.names[i]))))
        found.push_back(i);
    if (found.size() < 2)
      return found.empty() ? std::nullopt : std::optional{found.front()};
    if (head_.header)
      for (const auto each : found)
        if (says_time_alone(head_.names[each]))
          return each;
    std::string names;
    for (const auto each : found)
      names += (names.empty() ? "" : ", ") + name_of(each);
    out_.questions.push_back("which of its times is that of the row: " + names
                             + "? The first is taken");
    return found.front();
  }

  /// Seconds since 1970 without a name are as good as any number: the first
  /// field is taken for them where nothing else is a time.
  std::optional<size_t> find_count() {
    if (head_.header || first_of(kind::clock) || first_of(kind::date))
      return {};
    const auto as_time = guess_column(values_of(head_, 0), "time", false);
    if (as_time.is == kind::stamp && as_time.format == "unix_s") {
      columns_.front() = as_time;
      return 0;
    }
    if (!find_digits_beside() && counts_seconds()) {
      columns_.front().is = kind::clock;
      columns_.front().format = "s_of_day";
      out_.questions.emplace_back(
        "is field 1 the seconds of its day? It is taken for them");
    }
    return {};
  }

  /// "20240102,093000": digits that are a date and a time of day side by side.
  bool find_digits_beside() {
    for (size_t i = 0; i + 1 < columns_.size(); ++i) {
      const auto date = guess_column(values_of(head_, i), "date", false);
      const auto clock = guess_column(values_of(head_, i + 1), "time", false);
      if (date.is != kind::date || clock.is != kind::clock)
        continue;
      columns_[i] = date;
      columns_[i + 1] = clock;
      out_.questions.push_back("are " + name_of(i) + " and " + name_of(i + 1)
                               + " a date and a time of day? They are taken "
                                 "for these");
      return true;
    }
    return false;
  }

  /// As order books are recorded: "34200.004241176", ascending.
  [[nodiscard]] bool counts_seconds() const {
    constexpr double day_s = 86'400;
    constexpr size_t fraction_min = 6;
    if (columns_.front().is != kind::decimal || head_.rows.size() < 2)
      return false;
    double last = 0;
    bool is_fine = false;
    for (const auto& row : head_.rows) {
      const auto& text = row.front();
      const auto number = std::strtod(text.c_str(), nullptr);
      if (text.empty() || number < last || number >= day_s)
        return false;
      last = number;
      const auto point = std::min(text.find('.'), text.size());
      is_fine = is_fine || text.size() - point > fraction_min;
    }
    return is_fine;
  }

  /// A date and a time of day, or what there is of them.
  std::optional<size_t> find_two() {
    const auto clock = first_of(kind::clock);
    date_ = first_of(kind::date, [&](size_t i) {
      const bool other_day = head_.header && says_other_day(head_.names[i]);
      return !other_day && (!clock || stands_beside(i, *clock));
    });
    const auto found = clock || !date_ ? clock : find_counted_clock();
    if (found) {
      out_.date = date_;
      if (!date_)
        ask_for_date();
      else if (head_.header && !says_day_alone(head_.names[*date_]))
        out_.questions.push_back("is " + name_of(*date_) + " the date of "
                                 + name_of(*found)
                                 + "? It is taken for that; without it the "
                                   "times have no date");
    } else if (date_) {
      ask_for_clock();
    }
    return found ? found : date_;
  }

  /// Lines of JSON may have one where they lack the other.
  [[nodiscard]] bool stands_beside(size_t date, size_t clock) const {
    return std::all_of(
      head_.rows.begin(), head_.rows.end(), [&](const auto& row) {
        return row[clock].empty() || !row[date].empty() || !head_.json;
      });
  }

  void ask_for_date() {
    std::string others;
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].is == kind::date)
        others += (others.empty() ? "" : ", ") + name_of(i);
    out_.questions.push_back(
      "the times have no date: feed with --date YYYY-MM-DD"
      + (others.empty() ? ""
                        : "; is it that of " + others + "? See "
                            + (head_.json ? "paths" : "fields") + " = [...]"));
  }

  [[nodiscard]] std::string name_of(size_t field) const {
    return head_.header && !head_.names[field].empty()
             ? head_.names[field]
             : "field " + std::to_string(field + 1);
  }

  /// Whether the numbers ascend within each date, and one comes again.
  [[nodiscard]] bool ascends_by_date(size_t field) const {
    std::map<std::string_view, double> last;
    bool any = false;
    for (const auto& row : head_.rows) {
      if (row[field].empty() || row[*date_].empty())
        continue;
      const auto number = std::strtod(row[field].c_str(), nullptr);
      const auto [before, fresh] = last.try_emplace(row[*date_], number);
      any = any || !fresh;
      if (number < before->second)
        return false;
      before->second = number;
    }
    return any;
  }

  /// What a number beside the date may count of its day.
  [[nodiscard]] std::optional<guessed_clock> clock_of(size_t field) const {
    const auto& column = columns_[field];
    if (column.is != kind::whole && column.is != kind::decimal)
      return {};
    const auto name = head_.header ? std::string_view{head_.names[field]} : "";
    if (name.empty() ? !ascends_by_date(field) : says_other_number(name))
      return {};
    auto out = guess_clock(values_of(head_, field), name);
    if (out)
      out->sure = out->sure && says_time(name) && is_plain_date();
    return out;
  }

  /// Counts go with such dates alone.
  [[nodiscard]] bool is_plain_date() const {
    const auto& format = columns_[*date_].format;
    return format.empty() || format == "%Y%m%d";
  }

  /// The one count of the day beside the date, where it can be no other.
  std::optional<size_t> find_counted_clock() {
    std::optional<size_t> found;
    std::string format;
    for (size_t i = 0; i < columns_.size(); ++i)
      if (const auto clock = clock_of(i); clock && clock->sure) {
        if (found)
          return {};
        found = i;
        format = clock->format;
      }
    if (found) {
      columns_[*found].is = kind::clock;
      columns_[*found].format = format;
    }
    return found;
  }

  [[nodiscard]] std::string with_date(const std::string& clock) const {
    if (!clock.starts_with('%'))
      return text::toml_string(clock);
    const auto& date = columns_[*date_].format;
    return text::toml_string((date.empty() ? "%Y-%m-%d" : date) + " " + clock);
  }

  /// Every row would stand at midnight.
  void ask_for_clock() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto clock = clock_of(i);
      if (i == date_
          || (!clock && !(head_.header && may_be_clock(head_.names[i]))))
        continue;
      auto how = std::string{head_.json ? "paths" : "fields"}
                 + " = [...] and format = ...";
      if (clock)
        how
          = joined_place(head_, *date_, i)
            + " and format = " + with_date(clock->format)
            + (clock->or_digits.empty() ? ""
                                        : " or " + with_date(clock->or_digits))
            + (clock->format.starts_with('%') || is_plain_date()
                 ? ""
                 : ", which want a date such as 2024-01-02 or 20240102");
      out_.questions.push_back(
        "is '" + name_of(i)
        + "' the time of day? The date alone is taken, and every row stands "
          "at its midnight; see "
        + how);
    }
  }

  const layout_head& head_;
  std::vector<guessed_column>& columns_;
  std::optional<size_t> date_;
  guessed_time out_;
};

bool named_once(const layout_head& head, size_t field) {
  const auto& names = head.names;
  return head.header && !head.is_short && !names[field].empty()
         && std::count(names.begin(), names.end(), names[field]) == 1;
}

} // namespace

result<guessed_time> guess_time_fields(const layout_head& head,
                                       std::vector<guessed_column>& columns) {
  return time_finder{head, columns}.run();
}

std::vector<std::string_view> values_of(const layout_head& head, size_t field) {
  std::vector<std::string_view> out;
  for (const auto& row : head.rows)
    out.emplace_back(row[field]);
  return out;
}

std::string place_of(const layout_head& head, size_t field) {
  if (head.json)
    return "path = " + text::toml_string(head.paths[field]);
  return named_once(head, field)
           ? "header = " + text::toml_string(head.names[field])
           : "field = " + std::to_string(field + 1);
}

std::string joined_place(const layout_head& head, size_t one, size_t other) {
  const auto both
    = [](const std::vector<std::string>& names, size_t a, size_t b) {
        return "[" + text::toml_string(names[a]) + ", "
               + text::toml_string(names[b]) + "]";
      };
  if (head.json)
    return "paths = " + both(head.paths, one, other);
  if (named_once(head, one) && named_once(head, other))
    return "headers = " + both(head.names, one, other);
  return "fields = [" + std::to_string(one + 1) + ", "
         + std::to_string(other + 1) + "]";
}

std::string joined_format(const layout_head& head,
                          const std::vector<guessed_column>& columns,
                          size_t date, size_t time) {
  const auto& day = columns[date];
  const auto& clock = columns[time];
  if (day.format.empty() && clock.format.empty())
    return {};
  if (clock.format.ends_with("_of_day"))
    return clock.format;
  const auto values = values_of(head, time);
  const auto parts = std::count_if(values.begin(), values.end(), [](auto text) {
    return text.find('.') != std::string_view::npos;
  });
  const bool all = parts == static_cast<ptrdiff_t>(values.size());
  const std::map<std::string, std::string> clocks{{"", parts == 0 ? "%H:%M:%S"
                                                       : all ? "%H:%M:%S.%f"
                                                             : "%H:%M:%S%.f"},
                                                  {"hhmmss", "%H%M%S"},
                                                  {"hhmmss_ms", "%H%M%S%3f"},
                                                  {"hhmmss_us", "%H%M%S%6f"},
                                                  {"hhmmss_ns", "%H%M%S%9f"}};
  const auto found = clocks.find(clock.format);
  const auto days = values_of(head, date);
  const auto first = std::find_if(days.begin(), days.end(),
                                  [](auto text) { return text.size() > 4; });
  std::string iso{"%Y-%m-%d"};
  if (first != days.end())
    iso[2] = iso[5] = (*first)[4];
  return (day.format.empty() ? iso : day.format) + " "
         + (found == clocks.end() ? clock.format : found->second);
}

} // namespace millrace::feed
