#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/feed/source/guessed_symbol_internal.hpp>
#include <millrace/feed/source/guessed_time_internal.hpp>
#include <millrace/feed/source/layout_guess.hpp>
#include <millrace/feed/source/layout_head_internal.hpp>
#include <millrace/feed/source/number_marks_internal.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/messages/text/toml_string.hpp>

#include <algorithm>
#include <functional>
#include <iterator>
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
    if (head_.fields > guessed_fields_max)
      return error{errc::bad_data,
                   "its lines have " + std::to_string(head_.fields)
                     + " fields, and a table has "
                     + std::to_string(guessed_fields_max) + " columns at most"};
    for (size_t i = 0; i < head_.fields; ++i)
      columns_.push_back(guess(i));
    drop_footer();
    find_mostly_times();
    std::vector<bool> amounts(head_.fields, false);
    for (size_t i = 0; i < head_.fields; ++i)
      amounts[i] = says_price(name_at(i)) || says_quantity(name_at(i));
    settle_marks(columns_, head_.rows, amounts,
                 head_.json ? '\0' : head_.delimiter);
    if (auto fault = find_time())
      return fault;
    find_symbol();
    for (auto& each : questions_of(head_))
      out_.questions.push_back(std::move(each));
    write();
    if (auto fault = try_it())
      return fault;
    return std::move(out_);
  }

private:
  /// A last line without the time that all others have tells of the file, as
  /// "END|20240102|7" or a sum does.
  void drop_footer() {
    constexpr size_t footers_max = 3;
    std::vector<std::vector<std::string>> last;
    while (!head_.json && last.size() < footers_max && head_.rows.size() > 1) {
      last.push_back(std::move(head_.rows.back()));
      head_.rows.pop_back();
      if (const auto time = first_with_times()) {
        for (size_t i = 0; i < head_.fields; ++i)
          columns_[i] = guess(i);
        for (auto each = last.rbegin(); each != last.rend(); ++each)
          tell_footer(*each, *time == 0);
        return;
      }
    }
    head_.rows.insert(head_.rows.end(), std::move_iterator{last.rbegin()},
                      std::move_iterator{last.rend()});
  }

  /// Where no field is a time in all rows: what gives no row is told once it is
  /// tried.
  void find_mostly_times() {
    if (std::any_of(columns_.begin(), columns_.end(), is_of_time))
      return;
    for (size_t i = 0; i < head_.fields; ++i)
      if (auto found = guess_mostly_time(values_of(head_, i), name_at(i)))
        columns_[i] = *std::move(found);
  }

  /// The first field that reads as times now, and as a text before.
  [[nodiscard]] std::optional<size_t> first_with_times() const {
    for (size_t i = 0; i < head_.fields; ++i)
      if (columns_[i].is == kind::text && !columns_[i].empty)
        if (is_of_time(guess(i)))
          return i;
    return {};
  }

  void tell_footer(const std::vector<std::string>& fields, bool by_begin) {
    auto text = fields[0];
    for (size_t i = 1; i < fields.size(); ++i)
      text += head_.delimiter + fields[i];
    auto asked = "one of its last lines is none of the rows: '"
                 + printable(text, 80) + "'";
    // A digit begins rows, too.
    if (by_begin && !fields[0].empty()
        && (fields[0][0] < '0' || fields[0][0] > '9'))
      asked += "; trailer = "
               + text::toml_string(fields[0] + std::string(1, head_.delimiter))
               + " leaves it out";
    out_.questions.push_back(std::move(asked));
  }

  /// Empty: it has none.
  [[nodiscard]] std::string_view name_at(size_t field) const {
    return head_.header ? std::string_view{head_.names[field]} : "";
  }

  [[nodiscard]] guessed_column guess(size_t field) const {
    return guess_column(values_of(head_, field), name_at(field),
                        !head_.json && head_.delimiter == ',');
  }

  /// A field without a name and without values: a delimiter at the lines' ends.
  [[nodiscard]] bool is_nothing(size_t field) const {
    return head_.header && head_.names[field].empty()
           && std::all_of(head_.rows.begin(), head_.rows.end(),
                          [&](const auto& row) { return row[field].empty(); });
  }

  error find_time() {
    auto found = guess_time_fields(head_, columns_);
    if (!found)
      return found.failure();
    time_ = found->time;
    date_ = found->date;
    for (auto& each : found->questions)
      out_.questions.push_back(std::move(each));
    return {};
  }

  /// A name says it whatever the values are, but for those that may mean
  /// something else.
  void find_symbol() {
    auto found = guess_symbol_field(head_, columns_);
    symbol_ = found.field;
    if (!found.question.empty())
      out_.questions.push_back(std::move(found.question));
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
    if (field == time_)
      return "time";
    if (field == symbol_)
      return "sym";
    auto name = (is_upper_of_two(field) ? "upper_" : "")
                + column_name(head_.header ? head_.names[field] : "", field);
    // Of the 64 letters that a name may have some are left for what follows.
    constexpr size_t name_bytes = 48;
    if (name.size() > guessed_name_bytes_max)
      name.resize(name_bytes);
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
      case kind::month:
        return "month";
      case kind::clock:
        return is_time ? "timestamp" : "timespan";
      case kind::span:
        return "timespan";
      case kind::text:
        break;
    }
    return column.few_values ? "symbol" : "string";
  }

  [[nodiscard]] std::string place_of(size_t field) const {
    return feed::place_of(head_, field);
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
      format = joined_format(head_, columns_, *date_, *time_);
      text += joined_place(head_, *date_, *time_) + "\n";
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

  void ask_about_groups(size_t field, const std::string& name) {
    const auto& column = columns_[field];
    // Amounts have thousands; prices of bonds are written with apostrophes.
    if (column.group == '\0' || !column.open_group || column.decimal_comma
        || column.either_mark || says_quantity(name_at(field))
        || (column.group != '\'' && says_price(name_at(field))))
      return;
    out_.questions.push_back(
      "column '" + name + "': does its "
      + (column.group == ','    ? "comma"
         : column.group == '\'' ? "apostrophe"
                                : "blank")
      + " stand between thousands, as is assumed, or between other parts, as "
        "in "
      + (column.group == '\'' ? "prices of bonds in 32nds" : "lists of codes")
      + "? See thousands = ..., and type = \"symbol\"");
  }

  void write_marks(size_t field, const std::string& name) {
    const auto& column = columns_[field];
    auto& text = out_.layout;
    if (column.decimal_comma)
      text += "decimal = \",\"\n";
    if (column.group != '\0')
      text += "thousands = " + text::toml_string(std::string(1, column.group))
              + "\n";
    if (column.comma_lists)
      out_.questions.push_back(
        "column '" + name
        + "': are its values numbers with a comma before their decimals, or "
          "lists of codes? They are taken as texts; type = \"float\" and "
          "decimal = \",\" make numbers of them");
    if (column.is == kind::boolean && column.some_empty)
      out_.questions.push_back(
        "column '" + name
        + "': some of its values are empty, and a boolean reads these as "
          "false; type = \"symbol\" keeps them apart");
    if (column.two_marks)
      out_.questions.push_back(
        "column '" + name
        + "': its values could be numbers with a comma before their decimals, "
          "and those of other columns have a point there: they are taken as "
          "texts; type = \"float\" and decimal = \",\" make numbers of them");
    ask_about_groups(field, name);
    if (column.exponents)
      out_.questions.push_back(
        "column '" + name
        + "': are its values numbers with an exponent, or codes that hold an "
          "E? They are taken as texts; type = \"float\" makes numbers of "
          "them");
    if (column.either_mark)
      out_.questions.push_back(
        "column '" + name + "': is its "
        + (column.decimal_comma || column.group == ',' ? "comma" : "point")
        + " the mark of decimals, or does it stand between thousands? See "
          "decimal = ... and thousands = ...");
    if (!column.marked.empty())
      out_.questions.push_back("column '" + name
                               + "': its values are numbers but for "
                               + column.marked + ": they are taken as texts");
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
        write_marks(field, name);
        write_text_rules(field, name);
        if (column.empty)
          without_value_.push_back(name);
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
      const bool is_read = head_.header && !head_.is_short;
      if (head_.skipped > 0)
        text += "skip_lines = " + std::to_string(head_.skipped) + "\n";
      text += is_read ? "header = true\n"
                      : "fields = " + std::to_string(head_.fields) + "\n";
      if (head_.quote)
        text += "quote = true\n";
    }
    if (trims_)
      text += "trim = true\n";
    if (head_.comments)
      text += "comment = \"#\"\n";
    if (has_null_)
      text += "null = " + listed(words_for_none()) + "\n";
  }

  static std::string listed(const std::vector<std::string>& words) {
    std::string out{"["};
    for (const auto& word : words)
      out += (out.size() == 1 ? "" : ", ") + text::toml_string(word);
    return out + "]";
  }

  /// Of texts blanks may count, and words for none be values.
  [[nodiscard]] bool is_of_texts(size_t field) const {
    return field != symbol_ && field != time_
           && columns_[field].is == kind::text && !columns_[field].empty;
  }

  [[nodiscard]] bool is_ragged_text(size_t field) const {
    return is_of_texts(field) && field < head_.ragged.size()
           && head_.ragged[field];
  }

  void settle_texts() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      trims_
        = trims_
          || (i < head_.padded.size() && head_.padded[i] && !is_ragged_text(i));
      has_null_
        = has_null_
          || (columns_[i].null_words && i != symbol_ && !is_of_texts(i));
    }
  }

  /// The words for none among the values of a field.
  [[nodiscard]] std::vector<std::string> null_words_in(size_t field) const {
    std::vector<std::string> out;
    for (const auto& word : words_for_none())
      if (std::any_of(head_.rows.begin(), head_.rows.end(),
                      [&](const auto& row) { return row[field] == word; }))
        out.push_back(word);
    return out;
  }

  void write_text_rules(size_t field, const std::string& name) {
    if (!is_of_texts(field))
      return;
    auto& text = out_.layout;
    if (is_ragged_text(field)) {
      if (trims_)
        text += "trim = false\n";
      out_.questions.push_back("column '" + name
                               + "': do the blanks before its values count? "
                                 "They are kept; trim = true leaves them out");
    }
    // What databases write, and nobody means.
    std::vector<std::string> sure;
    std::string others;
    for (const auto& word : null_words_in(field))
      if (word == "null" || word == "NULL" || word == "\\N")
        sure.push_back(word);
      else
        others += (others.empty() ? "'" : ", '") + word + "'";
    if (has_null_ || !sure.empty())
      text += "null = " + listed(sure) + "\n";
    if (!others.empty())
      out_.questions.push_back("column '" + name + "': is " + others
                               + " a value? It is taken for one; see null = "
                                 "[...] of the column");
  }

  /// An instrument may be called as others call none: NA is two companies.
  void keep_symbols() {
    if (has_null_)
      out_.layout += "null = []\n";
    if (const auto words = null_words_in(*symbol_); !words.empty())
      out_.questions.push_back("is '" + words.front()
                               + "' a symbol? It is taken for one; see null = "
                                 "[...] of its column");
  }

  void write() {
    settle_texts();
    write_top();
    for (size_t i = 0; i < columns_.size(); ++i)
      if (i != date_ && !is_nothing(i))
        write_column(i);
    ask_for_zone();
    ask_for_types();
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

  /// What will come there is not seen yet.
  void ask_for_types() {
    if (!without_value_.empty())
      out_.questions.push_back(
        "of which type are " + joined(without_value_, ", ")
        + "? They have no value in its first lines, and are symbols here and "
          "in the table; see type = ...");
    if (!head_.empty.empty())
      out_.questions.push_back("left out: " + joined(head_.empty, ", ")
                               + "; null in all of its first lines");
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
    auto named = std::make_shared<binding>(**fitted);
    named->header = made->header ? head_.header_text : std::string_view{};
    csv_parser parser{std::move(named), {}, line_bytes_max_default};
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
    auto line = std::string_view{text}.substr(bad.begin, bad.length);
    line = line.substr(0, line.find_last_not_of("\r\n") + 1);
    const auto why = explain(**fitted, bad, line, line_bytes_max_default);
    if (got.rows == 0)
      return {errc::bad_data, "it cannot be read as proposed: " + why + ": '"
                                + printable(line, shown_bytes_max)
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
  bool trims_ = false;       ///< Blanks around values are left out,
  bool has_null_ = false;    ///< and words for none are none, but for texts.
  bool assumes_utc_ = false; ///< Of times that name no zone.
  std::vector<std::string> without_zone_;
  std::vector<std::string> without_value_;
  std::vector<guessed_column> columns_;
  std::optional<size_t> time_;
  std::optional<size_t> date_; ///< Joined with the time.
  std::optional<size_t> symbol_;
  std::set<std::string> taken_{"time", "sym"}; ///< Names of columns.
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
