#include <millrace/feed/layout/json_path.hpp>
#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/feed/parse/line_table.hpp>
#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/feed/source/json_head_internal.hpp>
#include <millrace/feed/source/layout_head_internal.hpp>
#include <millrace/messages/text/csv_text.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace millrace::feed {

namespace {

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

class head_reader {
public:
  explicit head_reader(std::string_view head) : head_{head} {}

  result<layout_head> run() {
    if (head_.starts_with("\xef\xbb\xbf"))
      head_.remove_prefix(3);
    take_lines();
    if (lines_.empty()) {
      lines_.swap(hashes_);
      out_.hash_rows = lines_.size();
      out_.first_hash = lines_.empty() ? "" : lines_.front().text;
    }
    out_.comments = !hashes_.empty();
    if (lines_.empty())
      return error{errc::bad_data, "there are no lines to look at"};
    const auto first = lines_.front().text;
    if (auto fault = other_form(first))
      return fault;
    if (may_be_json() && take_json())
      return std::move(out_);
    find_delimiter();
    if (join_quoted_lines())
      find_delimiter();
    settle_hashes();
    take_rows();
    if (out_.rows.size() + out_.header < of_other_forms() && !out_.header)
      return error{errc::bad_data, "its lines have no one number of fields: "
                                     + counts_of_fields()};
    if (out_.header && out_.rows.empty())
      return error{errc::bad_data,
                   "it has a header and no row: what its fields hold cannot "
                   "be seen"};
    return std::move(out_);
  }

private:
  struct line {
    std::string_view text;
    size_t number = 0; ///< Lines before it.
    size_t end = 0;    ///< Of it in the head, with its newline.
  };

  void take_lines() {
    size_t number = 0;
    for (size_t at = 0; at < head_.size();) {
      const auto end = std::min(head_.find('\n', at), head_.size());
      auto text = head_.substr(at, end - at);
      at = std::min(end + 1, head_.size());
      if (text.ends_with('\r'))
        text.remove_suffix(1);
      // As spreadsheets write an empty row.
      const bool is_nothing
        = text.find_first_not_of(lines_.empty() ? " \t,;|\"" : "") == text.npos;
      // Excel's word for the delimiter, which is found anyhow.
      const bool is_word
        = lines_.empty() && text.size() == 5 && text.starts_with("sep=");
      begins_blank_
        = begins_blank_ || is_word || (lines_.empty() && is_nothing);
      if (!is_nothing && !is_word)
        (text.starts_with('#') ? hashes_ : lines_)
          .push_back({text, number, at});
      ++number;
    }
  }

  /// What its lines are, where no layout reads such.
  [[nodiscard]] error other_form(std::string_view first) const {
    if (first == "[" || first.starts_with("[{"))
      return {errc::bad_data,
              "it is one document of JSON, and lines are wanted, one per row: "
              "`jq -c '.[]'` makes them"};
    if (first == "{")
      return {errc::bad_data,
              "its documents of JSON have several lines each, and one per line "
              "is wanted: `jq -c .` makes such"};
    const auto messages
      = std::count_if(lines_.begin(), lines_.end(), [](const auto& each) {
          return each.text.find("8=FIX") != std::string_view::npos;
        });
    if (static_cast<size_t>(messages) * 2 > lines_.size())
      return {errc::bad_data,
              "its lines are messages of FIX (fields as 35=D, told by their "
              "tags), and a layout reads fields by their places, or keys of "
              "JSON: make lines of JSON of them, as {\"44\":\"1.5\"}, first"};
    return {};
  }

  /// In quotes a value may hold newlines. @returns whether one does
  bool join_quoted_lines() {
    if (!out_.quote)
      return false;
    std::vector<line> joined;
    for (size_t i = 0; i < lines_.size();) {
      const auto begin
        = static_cast<size_t>(lines_[i].text.data() - head_.data());
      const auto found = find_record_end(head_, begin, out_.delimiter, true,
                                         line_bytes_max_default);
      const bool whole = found.status == record_extent::state::complete;
      auto last = i;
      while (whole && last + 1 < lines_.size() && lines_[last].end < found.end)
        ++last;
      auto& one = joined.emplace_back(lines_[i]);
      one.end = lines_[last].end;
      one.text = head_.substr(
        begin, static_cast<size_t>(lines_[last].text.data() - head_.data())
                 + lines_[last].text.size() - begin);
      i = last + 1;
    }
    const bool any = joined.size() < lines_.size();
    lines_ = std::move(joined);
    return any;
  }

  /// The first line may be another one where most begin as JSON.
  [[nodiscard]] bool may_be_json() const {
    const auto begin
      = std::count_if(lines_.begin(), lines_.end(),
                      [](const auto& each) { return each.text[0] == '{'; });
    return lines_.front().text.find('{') != std::string_view::npos
           || static_cast<size_t>(begin) * 2 > lines_.size();
  }

  /// Columns are named by the last key of their path.
  bool take_json() {
    std::vector<std::string_view> texts;
    for (const auto& each : lines_)
      texts.push_back(each.text);
    auto head = read_json_head(texts);
    if (!head || head->paths.empty())
      return false;
    out_.json = true;
    out_.header = true;
    out_.paths = std::move(head->paths);
    out_.rows = std::move(head->rows);
    out_.fields = out_.paths.size();
    out_.left_out = std::move(head->left_out);
    out_.mixed = std::move(head->mixed);
    out_.repeated = std::move(head->repeated);
    out_.empty = std::move(head->empty);
    out_.lines = lines_.size();
    out_.not_json = head->others.size();
    if (!head->others.empty()) {
      const auto& other = lines_[head->others.front()];
      out_.first_not_json = other.number;
      out_.text_not_json = other.text;
    }
    out_.body = head_;
    for (const auto& path : out_.paths)
      out_.names.push_back(path == "@before" ? "received"
                                             : parse_json_steps(path)->back());
    return true;
  }

  void find_delimiter() {
    out_.quote
      = std::any_of(lines_.begin(), lines_.end(), [](const auto& each) {
          return each.text.find('"') != std::string_view::npos;
        });
    size_t best = 0;
    for (const char each : {'\t', '|', ';', ',', ' '}) {
      // Blanks are between words, too.
      if (each == ' ' && best != 0)
        break;
      std::map<size_t, size_t> counts;
      for (const auto& line : lines_)
        ++counts[split(line.text, each, out_.quote).size()];
      const auto usual = std::max_element(
        counts.begin(), counts.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });
      const bool is_rule = each != ' ' || usual->second == lines_.size();
      if (usual->first > 1 && usual->second > best && is_rule) {
        best = usual->second;
        out_.delimiter = each;
        out_.fields = usual->first;
      }
    }
  }

  /// Whether all that is no number and no time stands where others have such.
  [[nodiscard]] bool is_like_rows(const std::vector<std::string>& fields,
                                  const std::vector<bool>& texts) const {
    if (fields.size() != out_.fields)
      return false;
    for (size_t i = 0; i < fields.size(); ++i)
      if (!texts[i] && is_word(fields[i]))
        return false;
    return true;
  }

  static bool is_word(const std::string& value) {
    return !value.empty()
           && guess_column({value}, "time", false).is
                == guessed_column::kind::text;
  }

  /// Instruments may be called #AAPL, and a header begin so: what has the form
  /// of the other lines, and fits them, is no comment.
  void settle_hashes() {
    if (hashes_.empty())
      return;
    std::vector<std::vector<std::string>> others;
    for (const auto& each : lines_)
      if (auto fields = split(each.text, out_.delimiter, out_.quote);
          fields.size() == out_.fields)
        others.push_back(std::move(fields));
    const bool is_named = others.empty() || may_be_names(others.front());
    std::vector<bool> texts(out_.fields, others.size() <= size_t{is_named});
    for (size_t row = is_named; row < others.size(); ++row)
      for (size_t i = 0; i < out_.fields; ++i)
        texts[i] = texts[i] || is_word(others[row][i]);
    bool is_any = false;
    for (const auto& each : hashes_) {
      const auto fields = split(each.text, out_.delimiter, out_.quote);
      if (fields.size() != out_.fields)
        continue;
      const bool is_before = each.number < lines_.front().number;
      const bool is_header = is_before && !is_named && may_be_names(fields);
      const bool is_row = !is_header && is_like_rows(fields, texts);
      is_any = is_any || is_header || is_row;
      if (is_header)
        continue;
      out_.hash_rows += is_row;
      ++out_.hash_like_rows;
      if (out_.first_hash.empty())
        out_.first_hash = each.text;
    }
    if (!is_any)
      return;
    out_.comments = false;
    // What stands before the names is about the file.
    const auto names = lines_.front().number;
    if (is_named && hashes_.front().number < names) {
      begins_blank_ = true;
      out_.first_skipped = hashes_.front().text;
      std::erase_if(hashes_,
                    [&](const auto& each) { return each.number < names; });
    }
    lines_.insert(lines_.end(), hashes_.begin(), hashes_.end());
    std::sort(lines_.begin(), lines_.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
  }

  [[nodiscard]] size_t of_other_forms() const {
    size_t out = preamble_.size();
    for (const auto& [fields, lines] : out_.other_lines)
      out += lines;
    return out;
  }

  [[nodiscard]] std::string counts_of_fields() const {
    auto counts = out_.other_lines;
    counts[out_.fields] += out_.rows.size();
    for (const auto fields : preamble_)
      ++counts[fields];
    std::string out;
    for (const auto& [fields, lines] : counts)
      out += (out.empty() ? "" : ", ") + std::to_string(fields) + " in "
             + std::to_string(lines) + (lines == 1 ? " line" : " lines");
    return out + " (delimiter '" + std::string(1, out_.delimiter) + "')";
  }

  /// Names are not values: none is a number or a time.
  static bool may_be_names(const std::vector<std::string>& fields) {
    bool is_named = false;
    for (const auto& each : fields) {
      is_named = is_named || !each.empty();
      if (guess_column({each}, "time", false).is != guessed_column::kind::text)
        return false;
    }
    return is_named;
  }

  void take_rows() {
    // What stands before the first line of the usual form is about the file.
    size_t first = 0;
    std::vector<std::vector<std::string>> fields;
    for (const auto& each : lines_)
      fields.push_back(split(each.text, out_.delimiter, out_.quote));
    while (first < fields.size() && fields[first].size() != out_.fields)
      ++first;
    const auto nameless
      = first > 0 ? nameless_field(fields, first) : std::optional<size_t>{};
    if (nameless) {
      --first;
      out_.is_short = true;
    } else if (first > 0 && fields[first - 1].size() > 1
               && may_be_names(fields[first - 1])) {
      out_.unplaced = fields[first - 1].size();
      out_.unplaced_names = lines_[first - 1].text;
    }
    for (size_t i = 0; i < first; ++i)
      preamble_.push_back(fields[i].size());
    if (first > (out_.unplaced == 0 ? 0 : 1))
      out_.first_skipped = lines_[0].text;
    // Comments are passed over anyhow.
    if (first > 0 || begins_blank_)
      out_.skipped = lines_[first].number;
    auto row = first;
    const bool is_unlike
      = std::any_of(fields.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                    fields.end(), [&](const auto& each) {
                      return each.size() == fields[first].size()
                             && !is_header_again(each, fields[first])
                             && shares_value(each, fields[first]);
                    });
    out_.header = nameless || (may_be_names(fields[first]) && !is_unlike);
    out_.body = head_.substr(first == 0 ? 0 : lines_[first - 1].end);
    if (out_.header) {
      out_.names = fields[first];
      out_.header_text = lines_[first].text;
      out_.body = head_.substr(lines_[first].end);
      ++row;
    }
    for (; row < fields.size(); ++row)
      if (out_.header && is_header_again(fields[row], out_.names))
        ++out_.headers;
      else if (fields[row].size() == out_.fields)
        out_.rows.push_back(std::move(fields[row]));
      else
        ++out_.other_lines[fields[row].size()];
    trim_rows();
    if (!nameless)
      return;
    out_.names.insert(
      out_.names.begin() + static_cast<std::ptrdiff_t>(*nameless), "");
    const auto& header = lines_[first];
    out_.skipped = header.number + 1
                   + static_cast<size_t>(
                     std::count(header.text.begin(), header.text.end(), '\n'));
  }

  /// Which field has no name, where the line before the row `first` has one
  /// name fewer than rows have fields; none: that cannot be told. A comma in
  /// texts without quotes, or in times, makes such rows too, and each name
  /// would be of its neighbour then.
  std::optional<size_t>
  nameless_field(const std::vector<std::vector<std::string>>& fields,
                 size_t first) {
    const auto& names = fields[first - 1];
    if (names.size() + 1 != out_.fields || !may_be_names(names))
      return {};
    std::vector<const std::vector<std::string>*> rows;
    for (size_t i = first; i < fields.size(); ++i)
      if (fields[i].size() == out_.fields)
        rows.push_back(&fields[i]);
    if (std::all_of(rows.begin(), rows.end(), [](const auto* row) {
          return row->back().find_first_not_of(" \t") == std::string::npos;
        }))
      return out_.fields - 1; // Rows end with a delimiter more.
    out_.counts_rows = ascends(rows) && has_times_behind(names, rows);
    return out_.counts_rows ? std::optional<size_t>{0} : std::nullopt;
  }

  /// Whether the first field holds whole numbers, each above the one before.
  static bool
  ascends(const std::vector<const std::vector<std::string>*>& rows) {
    std::optional<uint64_t> before;
    for (const auto* row : rows) {
      const auto& text = row->front();
      uint64_t number = 0;
      const auto* end = text.data() + text.size();
      const auto read = std::from_chars(text.data(), end, number);
      if (read.ec != std::errc{} || read.ptr != end
          || (before && number <= *before))
        return false;
      before = number;
    }
    return true;
  }

  /// Whether each name that says a time is of one in the field after its own,
  /// and there is such a name.
  static bool
  has_times_behind(const std::vector<std::string>& names,
                   const std::vector<const std::vector<std::string>*>& rows) {
    bool any = false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!says_time(names[i]))
        continue;
      std::vector<std::string_view> values;
      for (const auto* row : rows)
        values.emplace_back((*row)[i + 1]);
      const auto is = guess_column(values, names[i], false).is;
      if (is != guessed_column::kind::stamp && is != guessed_column::kind::date
          && is != guessed_column::kind::clock)
        return false;
      any = true;
    }
    return any;
  }

  void trim_rows() {
    out_.padded.resize(out_.fields);
    out_.ragged.resize(out_.fields);
    const auto after_delimiters = blanks_after_delimiters();
    for (size_t i = 0; i < out_.fields; ++i) {
      for (auto& row : out_.rows) {
        auto& value = row[i];
        const auto begin = std::min(value.find_first_not_of(' '), value.size());
        const auto end = value.find_last_not_of(' ') + 1;
        if (begin < end && begin != (i == 0 ? 0 : after_delimiters))
          out_.ragged[i] = true;
        if (begin == 0 && end == value.size())
          continue;
        out_.padded[i] = true;
        value = begin < end ? value.substr(begin, end - begin) : std::string{};
      }
    }
  }

  /// As many as stand before each value but the first of its line; where they
  /// are of some columns alone, their places may mean something.
  [[nodiscard]] size_t blanks_after_delimiters() const {
    std::optional<size_t> out;
    for (const auto& row : out_.rows)
      for (size_t i = 1; i < row.size(); ++i)
        if (const auto begin = row[i].find_first_not_of(' ');
            begin != std::string::npos) {
          if (out && *out != begin)
            return 0;
          out = begin;
        }
    return out.value_or(0);
  }

  /// As where files were put together, perhaps after a byte order mark.
  static bool is_header_again(const std::vector<std::string>& fields,
                              const std::vector<std::string>& names) {
    if (fields.size() != names.size()
        || !std::equal(fields.begin() + 1, fields.end(), names.begin() + 1))
      return false;
    auto first = std::string_view{fields.front()};
    if (first.starts_with("\xef\xbb\xbf"))
      first.remove_prefix(3);
    return first == names.front();
  }

  /// None of a header's names comes again as a value of its column.
  static bool shares_value(const std::vector<std::string>& row,
                           const std::vector<std::string>& names) {
    for (size_t i = 0; i < names.size(); ++i)
      if (!names[i].empty() && row[i] == names[i])
        return true;
    return false;
  }

  std::string_view head_;
  std::vector<line> lines_;
  std::vector<line> hashes_;     ///< Lines that begin with #.
  std::vector<size_t> preamble_; ///< Fields of lines before the first row.
  bool begins_blank_ = false;    ///< A blank line is before the first one.
  layout_head out_;
};

} // namespace

result<layout_head> read_layout_head(std::string_view head) {
  return head_reader{head}.run();
}

} // namespace millrace::feed
