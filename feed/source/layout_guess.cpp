#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/feed/source/layout_guess.hpp>
#include <millrace/feed/source/layout_head_internal.hpp>
#include <millrace/feed/source/number_marks_internal.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/messages/text/toml_string.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace millrace::feed {

namespace {

using kind = guessed_column::kind;

std::string joined(const std::vector<std::string>& names, const char* between) {
  std::string out;
  for (const auto& each : names)
    out += (out.empty() ? "" : between) + each;
  return out;
}

class guesser {
public:
  guesser(layout_head head, std::string table, std::string stream)
    : head_{std::move(head)}, table_{std::move(table)}, stream_{
                                                          std::move(stream)} {}

  result<layout_guess> run() {
    for (size_t i = 0; i < head_.fields; ++i)
      columns_.push_back(guess(i));
    settle_marks(columns_, head_.rows, head_.json ? '\0' : head_.delimiter);
    if (auto fault = find_time())
      return fault;
    find_symbol();
    ask_about_lines();
    write();
    if (auto fault = try_it())
      return fault;
    return std::move(out_);
  }

private:
  void ask_about_lines() {
    if (!head_.mixed.empty())
      out_.questions.push_back(
        "left out: " + joined(head_.mixed, ", ")
        + "; lists in some lines and values in others: the lines are of "
          "several kinds, and each kind wants a layout of its own (only = "
          "[\"PATH=VALUE\"] takes the lines of one)");
    const auto lists = joined(head_.left_out, ", ");
    if (!lists.empty())
      out_.questions.push_back(
        "left out: " + lists
        + "; a position takes one element of a list (path = \"bids.0\"), and "
          "each = \"bids\" makes a row per element");
    if (head_.not_json != 0)
      out_.questions.push_back(
        std::to_string(head_.not_json) + " of its first "
        + std::to_string(head_.lines) + " lines "
        + (head_.not_json == 1 ? "is no object of JSON and gives"
                               : "are no objects of JSON and give")
        + " no row, from line " + std::to_string(head_.first_not_json + 1)
        + " on: '" + printable(head_.text_not_json, 80) + "'");
    if (!head_.first_skipped.empty())
      out_.questions.push_back(
        "lines before the " + std::string{head_.header ? "header" : "first row"}
        + " are passed over (skip_lines), from '"
        + printable(head_.first_skipped, 80) + "' on");
    std::string others;
    for (const auto& [fields, lines] : head_.other_lines)
      others += (others.empty() ? "" : ", ") + std::to_string(lines)
                + (lines == 1 ? " has " : " have ") + std::to_string(fields);
    if (!others.empty())
      out_.questions.push_back("its lines have " + std::to_string(head_.fields)
                               + " fields, but for others (" + others
                               + "), which give no row: is the delimiter '"
                               + std::string(1, head_.delimiter) + "'?");
  }

  [[nodiscard]] guessed_column guess(size_t field) const {
    return guess_column(values_of(field),
                        head_.header ? head_.names[field] : "",
                        !head_.json && head_.delimiter == ',');
  }

  /// A field without a name and without values: a delimiter at the lines' ends.
  [[nodiscard]] bool is_nothing(size_t field) const {
    return head_.header && head_.names[field].empty()
           && std::all_of(head_.rows.begin(), head_.rows.end(),
                          [&](const auto& row) { return row[field].empty(); });
  }

  [[nodiscard]] std::optional<size_t> first_of(
    kind wanted, const std::function<bool(size_t)>& suits
                 = [](size_t) { return true; }) const {
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].is == wanted && suits(i))
        return i;
    return {};
  }

  /// Seconds since 1970 without a name are as good as any number: the first
  /// field is taken for them where nothing else is a time.
  void find_count() {
    if (head_.header || first_of(kind::clock) || first_of(kind::date))
      return;
    std::vector<std::string_view> values;
    for (const auto& row : head_.rows)
      values.emplace_back(row.front());
    const auto as_time = guess_column(values, "time", false);
    if (as_time.is != kind::stamp || as_time.format != "unix_s")
      return;
    columns_.front() = as_time;
    time_ = 0;
  }

  [[nodiscard]] std::vector<std::string_view> values_of(size_t field) const {
    std::vector<std::string_view> out;
    for (const auto& row : head_.rows)
      out.emplace_back(row[field]);
    return out;
  }

  /// What a number beside the date counts of its day, where its name is that of
  /// a time.
  [[nodiscard]] std::optional<guessed_clock> clock_of(size_t field) const {
    const auto& column = columns_[field];
    const auto& date = columns_[*date_];
    const bool is_number
      = column.is == kind::whole || column.is == kind::decimal;
    if (head_.json || !head_.header || !is_number
        || (!date.format.empty() && date.format != "%Y%m%d")
        || !says_time(head_.names[field]))
      return {};
    return guess_clock(values_of(field), head_.names[field]);
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

  /// Every row would stand at midnight.
  void ask_for_clock() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto clock = clock_of(i);
      if (!head_.header || i == date_
          || (!clock && !may_be_clock(head_.names[i])))
        continue;
      auto how = std::string{"fields = [...] and format = ..."};
      if (clock)
        how = joined_place(*date_, i)
              + " and format = " + text::toml_string(clock->format)
              + (clock->or_digits.empty()
                   ? ""
                   : " or " + text::toml_string(clock->or_digits));
      out_.questions.push_back(
        "is '" + head_.names[i]
        + "' the time of day? The date alone is taken, and every row stands "
          "at its midnight; see "
        + how);
    }
  }

  error find_time() {
    time_ = first_of(kind::stamp, [this](size_t i) {
      return !head_.header || !says_local(head_.names[i]);
    });
    if (!time_)
      time_ = first_of(kind::stamp);
    if (!time_)
      find_count();
    if (time_)
      return {};
    auto clock = first_of(kind::clock);
    date_ = first_of(kind::date);
    if (!clock && date_)
      clock = find_counted_clock();
    time_ = clock ? clock : date_;
    if (time_ && !clock)
      ask_for_clock();
    if (!time_)
      return {errc::bad_data,
              "none of its fields looks like a time (seen: " + seen_in(head_)
                + "): write the layout by hand, from one of `millrace layout "
                  "--preset NAME`: "
                + presets_for(head_)};
    if (!clock || head_.json) // Of JSON a column is one value.
      date_.reset();
    if (clock && !date_)
      out_.questions.push_back(
        "the times have no date: feed with --date YYYY-MM-DD");
    return {};
  }

  /// A name says it whatever the values are, but for those that may mean
  /// something else.
  void find_symbol() {
    auto best = SIZE_MAX;
    std::optional<size_t> first;
    for (size_t i = 0; i < columns_.size(); ++i) {
      auto& column = columns_[i];
      // An instrument may be called TRUE.
      if (column.is == kind::boolean && head_.header
          && column_name(head_.names[i], i).starts_with("sym"))
        column.is = kind::text;
      const bool is_text = column.is == kind::text && column.few_values;
      if (is_text && !first)
        first = i;
      if (!head_.header
          || (column.is != kind::text && column.is != kind::whole))
        continue;
      const auto named = instrument_of(head_.names[i]);
      if (named && named->rank < best && (named->sure || is_text)) {
        best = named->rank;
        symbol_ = i;
      }
    }
    if (!head_.header)
      symbol_ = first;
    if (!symbol_)
      out_.questions.push_back(
        "no field names the instrument: feed with --symbol SYMBOL");
  }

  /// Whether another name differs from it in the case of letters alone, as
  /// with exchanges whose `b` is a price and `B` its size.
  [[nodiscard]] bool is_upper_of_two(size_t field) const {
    if (!head_.header)
      return false;
    const auto& all = head_.json ? head_.paths : head_.names;
    const auto& name = all[field];
    const auto low = text::lower_case(name);
    const auto is_twin = [&](const std::string& other) {
      return other != name && text::lower_case(other) == low;
    };
    return name != low
           && (std::any_of(all.begin(), all.end(), is_twin)
               || std::any_of(head_.left_out.begin(), head_.left_out.end(),
                              is_twin)
               || std::any_of(head_.mixed.begin(), head_.mixed.end(), is_twin));
  }

  /// The name of a column, no two alike.
  std::string name_of(size_t field) {
    auto name
      = field == time_ ? std::string{"time"}
        : field == symbol_
          ? std::string{"sym"}
          : (is_upper_of_two(field) ? "upper_" : "")
              + column_name(head_.header ? head_.names[field] : "", field);
    while (!taken_.insert(name).second)
      name += "_" + std::to_string(field + 1);
    return name;
  }

  [[nodiscard]] std::string type_of(size_t field) const {
    const auto& column = columns_[field];
    const bool is_time = field == time_;
    if (field == symbol_)
      return "symbol";
    switch (column.is) {
      case kind::boolean:
        return "boolean";
      case kind::whole:
        return "long";
      case kind::decimal:
        return "float";
      case kind::stamp:
        return "timestamp";
      case kind::date:
        return is_time ? "timestamp" : "date";
      case kind::clock:
        return is_time ? "timestamp" : "timespan";
      case kind::text:
        break;
    }
    return column.few_values ? "symbol" : "string";
  }

  [[nodiscard]] bool named_once(size_t field) const {
    const auto& names = head_.names;
    return head_.header && !head_.is_closed && !names[field].empty()
           && std::count(names.begin(), names.end(), names[field]) == 1;
  }

  [[nodiscard]] std::string place_of(size_t field) const {
    if (head_.json)
      return "path = " + text::toml_string(head_.paths[field]);
    return named_once(field)
             ? "header = " + text::toml_string(head_.names[field])
             : "field = " + std::to_string(field + 1);
  }

  [[nodiscard]] std::string joined_place(size_t one, size_t other) const {
    if (named_once(one) && named_once(other))
      return "headers = [" + text::toml_string(head_.names[one]) + ", "
             + text::toml_string(head_.names[other]) + "]";
    return "fields = [" + std::to_string(one + 1) + ", "
           + std::to_string(other + 1) + "]";
  }

  /// The form of a date and a time that stand in two fields.
  [[nodiscard]] std::string joined_format() const {
    const auto& date = columns_[*date_];
    const auto& clock = columns_[*time_];
    if (date.format.empty() && clock.format.empty())
      return {};
    if (clock.format.ends_with("_of_day"))
      return clock.format;
    const auto& sample = head_.rows.front()[*time_];
    const std::map<std::string, std::string> clocks{
      {"", sample.find('.') == sample.npos ? "%H:%M:%S" : "%H:%M:%S.%f"},
      {"hhmmss", "%H%M%S"},
      {"hhmmss_ms", "%H%M%S%3f"},
      {"hhmmss_us", "%H%M%S%6f"},
      {"hhmmss_ns", "%H%M%S%9f"}};
    const auto found = clocks.find(clock.format);
    return (date.format.empty() ? "%Y-%m-%d" : date.format) + " "
           + (found == clocks.end() ? clock.format : found->second);
  }

  /// Whether the month or the day is first only a person can say, and the
  /// layout reads nothing until somebody did.
  void write_format(const std::string& format, bool either_day,
                    const std::string& column) {
    auto& text = out_.layout;
    if (!format.empty())
      text += (either_day ? "# format = " : "format = ")
              + text::toml_string(format)
              + (either_day ? " # the month is first\n" : "\n");
    if (!either_day)
      return;
    auto other = format;
    other.replace(0, 5, "%d/%m");
    text += "# format = " + text::toml_string(other) + " # the day is first\n";
    out_.questions.push_back("column '" + column
                             + "': is the month first, or the day? Take the "
                               "'#' off one of its two formats");
  }

  void write_time(std::string& text) {
    const auto& column = columns_[*time_];
    auto format = column.format;
    if (date_) {
      format = joined_format();
      text += joined_place(*date_, *time_) + "\n";
    } else {
      text += place_of(*time_) + "\n";
    }
    write_format(format, columns_[date_.value_or(*time_)].either_day, "time");
    write_zone(*time_, "time");
  }

  /// Of each time that names no zone of its own.
  void write_zone(size_t field, const std::string& name) {
    if (columns_[field].zoned || type_of(field) != "timestamp")
      return;
    out_.layout += "zone = \"UTC\"\n";
    assumes_utc_ = assumes_utc_ || field == time_;
    if (!head_.header || !says_utc(head_.names[field]))
      without_zone_.push_back(name);
  }

  void write_marks(const guessed_column& column, const std::string& name) {
    auto& text = out_.layout;
    if (column.decimal_comma)
      text += "decimal = \",\"\n";
    if (column.group != '\0')
      text += "thousands = " + text::toml_string(std::string(1, column.group))
              + "\n";
    if (column.either_mark)
      out_.questions.push_back(
        "column '" + name + "': is its "
        + (column.decimal_comma || column.group == ',' ? "comma" : "point")
        + " the mark of decimals, or does it stand between thousands? See "
          "decimal = ... and thousands = ...");
  }

  void write_column(size_t field) {
    const auto& column = columns_[field];
    const bool is_time = field == time_;
    const auto name = name_of(field);
    const auto type = type_of(field);
    auto& text = out_.layout;
    text += "\n[[column]]\nname = " + text::toml_string(name)
            + "\ntype = " + text::toml_string(type) + "\n";
    if (is_time) {
      write_time(text);
    } else {
      text += place_of(field) + "\n";
      // Of a symbol the digits stand as they are.
      if (field == symbol_)
        keep_symbols();
      else {
        write_format(column.format, column.either_day, name);
        write_marks(column, name);
      }
      write_zone(field, name);
    }
    table_columns_.push_back(name + ":" + type);
  }

  void write_top() {
    auto& text = out_.layout;
    text += "table = " + text::toml_string(table_) + "\n";
    if (head_.json) {
      text += "json = true\n";
    } else {
      text += "delimiter = "
              + text::toml_string(std::string(1, head_.delimiter)) + "\n";
      // Names of fewer fields than rows have are passed over.
      const bool is_read = head_.header && !head_.is_closed;
      const auto skipped = head_.skipped + head_.is_closed;
      if (skipped > 0)
        text += "skip_lines = " + std::to_string(skipped) + "\n";
      text += is_read ? "header = true\n"
                      : "fields = " + std::to_string(head_.fields) + "\n";
      if (head_.quote)
        text += "quote = true\n";
    }
    if (head_.padded)
      text += "trim = true\n";
    if (head_.comments)
      text += "comment = \"#\"\n";
    const auto any = [this](bool guessed_column::*what) {
      return std::any_of(columns_.begin(), columns_.end(),
                         [&](const auto& each) { return each.*what; });
    };
    if (!any(&guessed_column::null_words))
      return;
    text += "null = [";
    for (const auto& word : words_for_none())
      text += (text.ends_with('[') ? "" : ", ") + text::toml_string(word);
    text += "]\n";
  }

  /// An instrument may be called as others call none: NA is two companies.
  void keep_symbols() {
    for (const auto& word : words_for_none())
      if (std::any_of(head_.rows.begin(), head_.rows.end(),
                      [&](const auto& row) { return row[*symbol_] == word; })) {
        out_.layout += "null = []\n";
        out_.questions.push_back(
          "is '" + word
          + "' a symbol? It is taken for one: null = [] of its column");
        return;
      }
  }

  void write() {
    write_top();
    for (size_t i = 0; i < columns_.size(); ++i)
      if (i != date_ && !is_nothing(i))
        write_column(i);
    ask_for_zone();
    if (!symbol_) {
      out_.layout += "\n[[constant]]\nname = \"sym\"\ntype = \"symbol\"\n"
                     "value = \"{symbol}\"\n";
      table_columns_.emplace_back("sym:symbol");
    }
    out_.table = table_text(table_, table_columns_, "time", "sym",
                            assumes_utc_ ? "UTC" : "", stream_);
  }

  void ask_for_zone() {
    const auto names = joined(without_zone_, ", ");
    if (!names.empty())
      out_.questions.push_back(
        "in which zone are the times (" + names + ")? UTC is assumed"
        + (assumes_utc_ ? ", and that dates begin there" : "")
        + "; see zone = ..., and roll_zone = ... of the table");
  }

  /// What is proposed reads what was looked at.
  error try_it() {
    const auto made = parse_layout(out_.layout, "the proposal");
    if (!made)
      return {errc::internal, made.failure().context};
    const bool is_open
      = std::any_of(columns_.begin(), columns_.end(),
                    [](const auto& each) { return each.either_day; });
    if (is_open)
      return {}; // Nothing is read until somebody said what the times are.
    auto schema = schema_of(*made);
    if (!schema)
      return {errc::internal, schema.failure().context};
    const bool needs_date = columns_[*time_].is == kind::clock && !date_;
    constexpr int32_t any_day = 8'767;
    const auto fitted
      = bind({&*made,
              *std::move(schema),
              "it",
              {.symbol = "X"},
              needs_date ? any_day : null_int,
              made->header ? head_.names : std::vector<std::string>{}});
    if (!fitted)
      return {errc::bad_data,
              "it cannot be read as proposed: " + fitted.failure().context};
    // The parsers look at whole words after the end.
    std::string text{head_.body};
    const auto size = text.size();
    text.append(text_slack, '\n');
    csv_parser parser{*fitted, {}, line_bytes_max_default};
    parsed_piece got;
    parser.parse(
      {.text = std::string_view{text}.substr(0, size), .slack = text_slack},
      got);
    std::erase_if(got.rejects, [this](const raw_reject& each) {
      return head_.not_json != 0 && each.why == fault::not_json; // Asked.
    });
    if (got.rejects.empty())
      return {};
    const auto& bad = got.rejects.front();
    const auto why = explain(
      **fitted, bad, std::string_view{text}.substr(bad.begin, bad.length),
      line_bytes_max_default);
    if (got.rows == 0)
      return {errc::bad_data, "it cannot be read as proposed: " + why + ": '"
                                + printable(std::string_view{text}.substr(
                                              bad.begin, bad.length),
                                            shown_bytes_max)
                                + "' (seen: " + seen_in(head_) + ")"};
    out_.questions.push_back(std::to_string(got.rejects.size())
                             + " of its first "
                             + std::to_string(got.rejects.size() + got.rows)
                             + " lines give no row by this: " + why);
    return {};
  }

  layout_head head_;
  std::string table_;
  std::string stream_;
  layout_guess out_;
  bool assumes_utc_ = false; ///< Of times that name no zone.
  std::vector<std::string> without_zone_;
  std::vector<guessed_column> columns_;
  std::optional<size_t> time_;
  std::optional<size_t> date_; ///< Joined with the time.
  std::optional<size_t> symbol_;
  std::set<std::string> taken_;
  std::vector<std::string> table_columns_;
};

} // namespace

std::string table_text(const std::string& name,
                       const std::vector<std::string>& columns,
                       const std::string& time, const std::string& symbol,
                       const std::string& roll_zone,
                       const std::string& stream) {
  auto out = "[[table]]\nname = " + text::toml_string(name) + "\nstream = "
             + text::toml_string(stream) + "\ntime = " + text::toml_string(time)
             + "\nsymbol = " + text::toml_string(symbol) + "\ncolumns = [\n";
  for (const auto& each : columns)
    out += "  " + text::toml_string(each) + ",\n";
  out += "]\n";
  if (!roll_zone.empty())
    out += "roll_zone = " + text::toml_string(roll_zone) + "\n";
  return out;
}

result<layout_guess> guess_layout(std::string_view head,
                                  const std::string& table,
                                  const std::string& stream) {
  auto read = read_layout_head(head);
  if (!read)
    return read.failure();
  return guesser{*std::move(read), table, stream}.run();
}

} // namespace millrace::feed
