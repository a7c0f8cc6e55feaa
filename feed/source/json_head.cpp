#include <millrace/feed/layout/json_path.hpp>
#include <millrace/feed/source/json_head_internal.hpp>
#include <millrace/feed/text/wide_numbers.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <algorithm>
#include <cstddef>
#include <set>

namespace millrace::feed {

namespace {

constexpr size_t paths_max = 1'000;

class head_builder {
public:
  bool add(std::string_view line) {
    const auto begin = std::min(line.find('{'), line.size());
    const auto text = line.substr(begin);
    // What is more than a number holds is kept as its digits.
    const auto quoted = quote_numbers(text, "", number_choice::wide);
    std::vector<std::string> repeated; // Told by `feed`, where it is used.
    const auto document = text::parse_json(quoted ? *quoted : text, repeated);
    if (!document || !document->is_object())
      return false;
    repeated_.insert(repeated.begin(), repeated.end());
    plain_ += begin == 0;
    out_.rows.emplace_back();
    auto before = line.substr(0, begin);
    while (before.ends_with(' ') || before.ends_with('\t'))
      before.remove_suffix(1);
    if (!before.empty())
      put("@before", std::string{before});
    add_object(*document, "");
    return true;
  }

  /// That of a line which is not an object.
  void leave_line(size_t number) { out_.others.push_back(number); }

  /// A recorder that was stopped cuts its last line, and others write a word
  /// between. What stands after other text may be a field of something else.
  [[nodiscard]] bool is_json() const {
    const auto good = out_.rows.size();
    const auto bad = out_.others.size();
    return bad == 0 || (plain_ == good && good >= bad)
           || (good > bad && bad <= std::max<size_t>(1, (good + bad) / 10));
  }

  json_head finish() {
    for (auto& row : out_.rows)
      row.resize(out_.paths.size());
    for (const auto& path : nulls_)
      if (!has(out_.paths, path) && !has(out_.left_out, path)
          && !has(out_.empty, path))
        out_.empty.push_back(path);
    // A value here and a list there: lines with the list would give no row.
    for (size_t at = out_.paths.size(); at-- > 0;) {
      const auto& path = out_.paths[at];
      const auto list
        = std::find(out_.left_out.begin(), out_.left_out.end(), path);
      if (list == out_.left_out.end())
        continue;
      out_.left_out.erase(list);
      out_.mixed.insert(out_.mixed.begin(), path);
      erase(at);
    }
    // Lines that have it twice would give no row.
    for (size_t at = out_.paths.size(); at-- > 0;)
      if (is_repeated(out_.paths[at])) {
        out_.repeated.insert(out_.repeated.begin(), out_.paths[at]);
        erase(at);
      }
    return std::move(out_);
  }

private:
  static bool has(const std::vector<std::string>& all,
                  const std::string& path) {
    return std::find(all.begin(), all.end(), path) != all.end();
  }

  void erase(size_t at) {
    const auto column = static_cast<std::ptrdiff_t>(at);
    out_.paths.erase(out_.paths.begin() + column);
    for (auto& row : out_.rows)
      row.erase(row.begin() + column);
  }

  /// By its keys with points between, as they are told; also below one.
  [[nodiscard]] bool is_repeated(const std::string& path) const {
    std::string keys;
    const auto steps = parse_json_steps(path);
    for (const auto& step : *steps) {
      keys += (keys.empty() ? "" : ".") + step;
      if (repeated_.contains(keys))
        return true;
    }
    return false;
  }

  void add_object(const text::json_value& object, const std::string& above) {
    for (const auto& item : object.entries()) {
      const auto path = above + json_step(item.key);
      if (item.value.is_array())
        leave_out(path);
      else if (item.value.is_object())
        add_object(item.value, path + ".");
      else if (item.value.is_null())
        leave_null(path);
      else
        put(path, item.value.text() ? *item.value.text() : item.value.dump());
    }
  }

  void leave_null(const std::string& path) {
    if (!has(nulls_, path))
      nulls_.push_back(path);
  }

  void leave_out(const std::string& path) {
    auto& all = out_.left_out;
    if (std::find(all.begin(), all.end(), path) == all.end())
      all.push_back(path);
  }

  void put(const std::string& path, std::string value) {
    auto& paths = out_.paths;
    const auto at = static_cast<size_t>(
      std::find(paths.begin(), paths.end(), path) - paths.begin());
    if (at == paths.size()) {
      if (at == paths_max)
        return leave_out(path);
      paths.push_back(path);
    }
    auto& row = out_.rows.back();
    row.resize(std::max(row.size(), at + 1));
    row[at] = std::move(value);
  }

  json_head out_;
  std::vector<std::string> nulls_; ///< Paths of what is null in some line.
  std::set<std::string> repeated_; ///< Keys that some line has twice.
  size_t plain_ = 0;               ///< Objects without text before them.
};

} // namespace

std::optional<json_head>
read_json_head(const std::vector<std::string_view>& lines) {
  head_builder out;
  for (size_t i = 0; i < lines.size(); ++i)
    if (!out.add(lines[i]))
      out.leave_line(i);
  if (!out.is_json())
    return std::nullopt;
  return out.finish();
}

} // namespace millrace::feed
