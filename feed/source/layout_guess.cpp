#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/source/foreign_text_internal.hpp>
#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/feed/source/json_head_internal.hpp>
#include <millrace/feed/source/layout_guess.hpp>
#include <millrace/messages/text/csv_text.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace millrace::feed {

namespace {

using kind = guessed_column::kind;

constexpr size_t head_bytes = 256 * 1024;
constexpr size_t lines_max = 2'000;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return out + "\"";
}

std::vector<std::string> split(std::string_view line, char delimiter,
                               bool quote) {
  if (quote)
    if (auto fields = text::split_csv_line(line, delimiter))
      return *std::move(fields);
  std::vector<std::string> out;
  for (size_t at = 0;;) {
    const auto end = std::min(line.find(delimiter, at), line.size());
    out.emplace_back(line.substr(at, end - at));
    if (end == line.size())
      return out;
    at = end + 1;
  }
}

/// "Ask Price 1" as ask_price_1.
std::string column_name(std::string_view from, size_t number) {
  std::string out;
  for (const char c : from) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (upper)
      out += static_cast<char>(c + 32);
    else if (plain)
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  }
  while (out.ends_with('_'))
    out.pop_back();
  if (out.empty() || (out[0] >= '0' && out[0] <= '9'))
    out = "c" + std::to_string(number + 1) + (out.empty() ? "" : "_") + out;
  return out;
}

class guesser {
public:
  guesser(std::string_view head, std::string table)
    : head_{head}, table_{std::move(table)} {}

  result<layout_guess> run() {
    if (head_.starts_with("\xef\xbb\xbf"))
      head_.remove_prefix(3);
    take_lines();
    if (lines_.empty())
      return error{errc::bad_data, "there are no lines to look at"};
    if (lines_.front() == "[" || lines_.front().starts_with("[{"))
      return error{errc::bad_data,
                   "it is one document of JSON, and lines are wanted, one per "
                   "row: `jq -c '.[]'` makes them"};
    if (lines_.front().find('{') != std::string_view::npos)
      take_json();
    if (!json_) {
      find_delimiter();
      take_rows();
    }
    for (size_t i = 0; i < rows_.front().size(); ++i)
      columns_.push_back(guess(i));
    if (auto fault = find_time())
      return fault;
    find_symbol();
    write();
    // What is proposed can be read.
    if (const auto made = parse_layout(out_.layout, "the proposal"); !made)
      return error{errc::internal, made.failure().context};
    return std::move(out_);
  }

private:
  void take_lines() {
    for (size_t at = 0; at < head_.size() && lines_.size() < lines_max;) {
      const auto end = std::min(head_.find('\n', at), head_.size());
      auto line = head_.substr(at, end - at);
      at = end + 1;
      if (line.ends_with('\r'))
        line.remove_suffix(1);
      comments_ = comments_ || line.starts_with('#');
      if (!line.empty() && !line.starts_with('#'))
        lines_.push_back(line);
    }
  }

  /// Columns are named by the last key of their path.
  void take_json() {
    auto head = read_json_head(lines_);
    if (!head || head->paths.empty())
      return;
    json_ = true;
    header_ = true;
    paths_ = std::move(head->paths);
    rows_ = std::move(head->rows);
    fields_ = paths_.size();
    for (const auto& path : paths_)
      names_.push_back(path == "@before" ? "received"
                                         : path.substr(path.rfind('.') + 1));
    std::string lists;
    for (const auto& path : head->left_out)
      lists += (lists.empty() ? "" : ", ") + path;
    if (!lists.empty())
      out_.questions.push_back(
        "left out: " + lists
        + "; a position takes one element of a list (path = \"bids.0\"), and "
          "each = \"bids\" makes a row per element");
  }

  void find_delimiter() {
    quote_ = std::any_of(lines_.begin(), lines_.end(),
                         [](auto line) { return line.find('"') != line.npos; });
    size_t best = 0;
    for (const char each : {'\t', '|', ';', ','}) {
      std::map<size_t, size_t> counts;
      for (const auto line : lines_)
        ++counts[split(line, each, quote_).size()];
      const auto usual = std::max_element(
        counts.begin(), counts.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });
      if (usual->first > 1 && usual->second > best) {
        best = usual->second;
        delimiter_ = each;
        fields_ = usual->first;
      }
    }
  }

  void take_rows() {
    for (const auto line : lines_)
      if (auto fields = split(line, delimiter_, quote_);
          fields.size() == fields_)
        rows_.push_back(std::move(fields));
    const auto& first = rows_.front();
    // Names are not values: none is a number or a time, none comes twice as a
    // value of its column.
    header_ = std::all_of(first.begin(), first.end(), [](const auto& name) {
      return guess_column({name}, "time", false).is == kind::text
             && !name.empty();
    });
    for (size_t row = 1; header_ && row < rows_.size(); ++row)
      for (size_t i = 0; i < fields_; ++i)
        header_ = header_ && rows_[row][i] != first[i];
    if (!header_)
      return;
    names_ = first;
    if (rows_.size() > 1)
      rows_.erase(rows_.begin());
  }

  [[nodiscard]] guessed_column guess(size_t field) const {
    std::vector<std::string_view> values;
    for (const auto& row : rows_)
      values.emplace_back(row[field]);
    return guess_column(values, header_ ? names_[field] : "",
                        !json_ && delimiter_ == ',');
  }

  [[nodiscard]] std::optional<size_t> first_of(kind wanted) const {
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].is == wanted)
        return i;
    return {};
  }

  error find_time() {
    time_ = first_of(kind::stamp);
    if (time_)
      return {};
    const auto clock = first_of(kind::clock);
    date_ = first_of(kind::date);
    time_ = clock ? clock : date_;
    if (!time_)
      return {errc::bad_data,
              "none of its fields looks like a time: write the layout by hand, "
              "from one of `millrace layout --preset NAME`: "
                + names_of_presets()};
    if (!clock || json_) // Of JSON a column is one value.
      date_.reset();
    if (clock && !date_)
      out_.questions.push_back(
        "the times have no date: feed with --date YYYY-MM-DD");
    return {};
  }

  void find_symbol() {
    static const std::set<std::string> usual{
      "sym",  "symbol", "ticker", "instrument", "pair", "ric",
      "isin", "s",      "market", "product",    "code", "security"};
    std::optional<size_t> first;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].is != kind::text || !columns_[i].few_values)
        continue;
      if (header_ && usual.contains(column_name(names_[i], i))) {
        symbol_ = i;
        return;
      }
      if (!first)
        first = i;
    }
    if (!header_)
      symbol_ = first;
    if (!symbol_)
      out_.questions.push_back(
        "no field names the instrument: feed with --symbol SYMBOL");
  }

  /// The name of a column, no two alike.
  std::string name_of(size_t field) {
    auto name = field == time_ ? std::string{"time"}
                : field == symbol_
                  ? std::string{"sym"}
                  : column_name(header_ ? names_[field] : "", field);
    while (!taken_.insert(name).second)
      name += "_" + std::to_string(field + 1);
    return name;
  }

  [[nodiscard]] static std::string type_of(const guessed_column& column,
                                           bool is_time) {
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
    return header_
           && std::count(names_.begin(), names_.end(), names_[field]) == 1;
  }

  [[nodiscard]] std::string place_of(size_t field) const {
    if (json_)
      return "path = " + quoted(paths_[field]);
    return named_once(field) ? "header = " + quoted(names_[field])
                             : "field = " + std::to_string(field + 1);
  }

  /// The form of a date and a time that stand in two fields.
  [[nodiscard]] std::string joined_format() const {
    const auto& date = columns_[*date_];
    const auto& clock = columns_[*time_];
    if (date.format.empty() && clock.format.empty())
      return {};
    const auto& sample = rows_.front()[*time_];
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
      text += (either_day ? "# format = " : "format = ") + quoted(format)
              + (either_day ? " # the month is first\n" : "\n");
    if (!either_day)
      return;
    auto other = format;
    other.replace(0, 5, "%d/%m");
    text += "# format = " + quoted(other) + " # the day is first\n";
    out_.questions.push_back("column '" + column
                             + "': is the month first, or the day? Take the "
                               "'#' off one of its two formats");
  }

  void write_time(std::string& text) {
    const auto& column = columns_[*time_];
    auto format = column.format;
    if (date_) {
      format = joined_format();
      if (named_once(*date_) && named_once(*time_))
        text += "headers = [" + quoted(names_[*date_]) + ", "
                + quoted(names_[*time_]) + "]\n";
      else
        text += "fields = [" + std::to_string(*date_ + 1) + ", "
                + std::to_string(*time_ + 1) + "]\n";
    } else {
      text += place_of(*time_) + "\n";
    }
    write_format(format, columns_[date_.value_or(*time_)].either_day, "time");
    if (!column.zoned) {
      text += "zone = \"UTC\"\n";
      assumes_utc_ = true;
      out_.questions.push_back(
        "in which zone are the times? UTC is assumed, and that dates begin "
        "there; see zone = ..., and roll_zone = ... of the table");
    }
  }

  void write_marks(const guessed_column& column, const std::string& name) {
    auto& text = out_.layout;
    if (column.comma == guessed_column::mark::decimal)
      text += "decimal = \",\"\nthousands = \".\"\n";
    if (column.comma == guessed_column::mark::thousands)
      text += "thousands = \",\"\n";
    if (column.either_mark)
      out_.questions.push_back(
        "column '" + name
        + "': is its comma the mark of decimals, or does it "
          "stand between thousands? See decimal = ... and thousands = ...");
  }

  void write_column(size_t field) {
    const auto& column = columns_[field];
    const bool is_time = field == time_;
    const auto name = name_of(field);
    const auto type = type_of(column, is_time);
    auto& text = out_.layout;
    text += "\n[[column]]\nname = " + quoted(name) + "\ntype = " + quoted(type)
            + "\n";
    if (is_time) {
      write_time(text);
    } else {
      text += place_of(field) + "\n";
      write_format(column.format, column.either_day, name);
      write_marks(column, name);
    }
    table_columns_.push_back(name + ":" + type);
  }

  void write_top() {
    auto& text = out_.layout;
    text += "table = " + quoted(table_) + "\n";
    if (json_) {
      text += "json = true\n";
    } else {
      text += "delimiter = " + quoted(std::string(1, delimiter_)) + "\n";
      text += header_ ? "header = true\n"
                      : "fields = " + std::to_string(fields_) + "\n";
      if (quote_)
        text += "quote = true\n";
    }
    if (comments_)
      text += "comment = \"#\"\n";
    const auto any = [this](bool guessed_column::*what) {
      return std::any_of(columns_.begin(), columns_.end(),
                         [&](const auto& each) { return each.*what; });
    };
    if (!any(&guessed_column::null_words))
      return;
    text += "null = [";
    for (const auto& word : words_for_none())
      text += (text.ends_with('[') ? "" : ", ") + quoted(word);
    text += "]\n";
  }

  void write() {
    write_top();
    for (size_t i = 0; i < columns_.size(); ++i)
      if (i != date_)
        write_column(i);
    if (!symbol_) {
      out_.layout += "\n[[constant]]\nname = \"sym\"\ntype = \"symbol\"\n"
                     "value = \"{symbol}\"\n";
      table_columns_.emplace_back("sym:symbol");
    }
    out_.table = table_text(table_, table_columns_, "time", "sym",
                            assumes_utc_ ? "UTC" : "");
  }

  std::string_view head_;
  std::string table_;
  layout_guess out_;
  std::vector<std::string_view> lines_;
  bool comments_ = false;
  bool quote_ = false;
  bool assumes_utc_ = false; ///< Of times that name no zone.
  char delimiter_ = ',';
  size_t fields_ = 1;
  bool json_ = false; ///< Lines are documents: `paths_` are what they hold.
  std::vector<std::string> paths_;
  bool header_ = false;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> rows_;
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
                       const std::string& roll_zone) {
  auto out = "[[table]]\nname = " + quoted(name)
             + "\nstream = \"market\"\ntime = " + quoted(time)
             + "\nsymbol = " + quoted(symbol) + "\ncolumns = [\n";
  for (const auto& each : columns)
    out += "  " + quoted(each) + ",\n";
  out += "]\n";
  if (!roll_zone.empty())
    out += "roll_zone = " + quoted(roll_zone) + "\n";
  return out;
}

result<layout_guess> guess_layout(std::string_view head,
                                  const std::string& table) {
  return guesser{head, table}.run();
}

result<std::string> read_head(persistence::file_system& fs,
                              const std::string& path,
                              const source_choice& choice) {
  const std::atomic<bool> never{false};
  const auto found = list_sources(fs, path, choice, never);
  if (!found)
    return found.failure();
  if (found->empty())
    return error{errc::bad_data, path + ": holds no file"};
  if (auto fault = check_member(choice, *found))
    return fault;
  auto opened = open_source(fs, found->front(), never);
  if (!opened)
    return opened.failure();
  std::string text(head_bytes, '\0');
  size_t known = 0;
  while (known < text.size()) {
    const auto got
      = (*opened)->read(std::as_writable_bytes(std::span{text}).subspan(known));
    if (!got && got.failure().code == errc::timeout)
      continue;
    if (!got)
      return got.failure();
    if (*got == 0)
      break;
    known += *got;
  }
  const bool whole = known < text.size();
  text.resize(known);
  if (const auto kind = foreign_kind(text, whole); !kind.empty())
    return error{errc::bad_data, path + ": it is " + kind};
  if (text.find('\0') != text.npos)
    return error{errc::bad_data,
                 path
                   + ": it is not text; of what is not, presets read some "
                     "(`millrace layout --preset NAME`): "
                   + names_of_presets()};
  if (!whole)
    text.resize(text.rfind('\n') + 1);
  return text;
}

} // namespace millrace::feed
