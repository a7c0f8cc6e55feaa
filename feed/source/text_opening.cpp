#include <millrace/feed/source/text_opening_internal.hpp>
#include <millrace/messages/text/csv_text.hpp>

#include <algorithm>
#include <iterator>

namespace millrace::feed {

namespace {

/// The names in a header line; quotes are taken off.
result<std::vector<std::string>> split_header(std::string_view line,
                                              const layout& from) {
  if (from.quote) {
    auto names = text::split_csv_line(line, from.delimiter);
    if (!names)
      return error{errc::bad_data, "the header: " + names.failure().context};
    return names;
  }
  std::vector<std::string> names;
  for (size_t at = 0;;) {
    const auto end = std::min(line.find(from.delimiter, at), line.size());
    names.emplace_back(line.substr(at, end - at));
    if (end == line.size())
      return names;
    at = end + 1;
  }
}

/// Opens one source, perhaps more than once.
class opening {
public:
  opening(persistence::file_system& fs, const source_info& info,
          const reader_options& options)
    : fs_{fs}, info_{info}, options_{options} {}

  result<opened_text> run() {
    if (auto fault = begin())
      return fault;
    if (!out_.cutter)
      return std::move(out_);
    auto place = find_place();
    if (!place)
      return place.failure();
    if (*place)
      if (auto fault = go_on(**place))
        return fault;
    return std::move(out_);
  }

private:
  /// To the first line after the header.
  error begin() {
    out_.cutter.reset();
    auto opened = open_source(fs_, info_);
    if (!opened)
      return opened.failure();
    const auto& from = options_.layout;
    piece_cutter made{
      std::move(*opened),
      {from.delimiter, from.quote, options_.line_bytes_max, piece_bytes}};
    if (auto fault = made.skip_mark())
      return fault;
    for (uint32_t i = 0; i < from.skip_lines; ++i)
      if (auto line = made.take_line(); !line)
        return line.failure();
    std::vector<std::string> header;
    if (from.header) {
      auto line = take_header(made);
      if (!line)
        return line.failure();
      if (!*line)
        return {};
      auto names = split_header(**line, from);
      if (!names)
        return names.failure();
      header = *std::move(names);
    }
    out_.cutter.emplace(std::move(made));
    return out_.fitted ? error{} : fit(std::move(header));
  }

  /// The next line that the layout does not skip.
  result<std::optional<std::string>> take_header(piece_cutter& from) const {
    const auto& skipped = options_.layout.skipped;
    for (;;) {
      auto line = from.take_line();
      if (!line || !*line
          || std::none_of(skipped.begin(), skipped.end(),
                          [&](const std::string& begin) {
                            return (*line)->starts_with(begin);
                          }))
        return line;
    }
  }

  error fit(std::vector<std::string> header) {
    auto bound = bind({&options_.layout,
                       options_.schema,
                       info_.label(),
                       {options_.symbol, {}, info_.path, info_.member},
                       options_.date.value_or(null_int),
                       std::move(header)});
    if (!bound)
      return bound.failure();
    out_.fitted = *bound;
    if (options_.named_by_head) {
      auto named = std::make_shared<binding>(*out_.fitted);
      named->identity.replace(0, info_.label().size(), info_.identity);
      out_.fitted = std::move(named);
    }
    return {};
  }

  /// Cursors of this source, or of one of its name that lay elsewhere, by
  /// their offset. The path is no part of a text: files are moved.
  [[nodiscard]] std::vector<source_cursor> candidates() const {
    const auto& own = out_.fitted->identity;
    if (options_.named_by_head) {
      std::vector<source_cursor> same;
      std::copy_if(options_.resume.begin(), options_.resume.end(),
                   std::back_inserter(same),
                   [&](const auto& each) { return each.name == own; });
      return same;
    }
    const auto slash = info_.path.rfind('/');
    const auto name = slash == std::string::npos ? own : own.substr(slash + 1);
    std::vector<source_cursor> out;
    for (const auto& each : options_.resume)
      if (each.name == own || each.name == name
          || each.name.ends_with("/" + name))
        out.push_back(each);
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.offset < b.offset; });
    return out;
  }

  /// The furthest cursor before which the text is what was published.
  result<std::optional<source_cursor>> find_place() {
    std::optional<source_cursor> place;
    auto known = candidates();
    for (const auto& each : known) {
      const auto reached = out_.cutter->skip_to(each.offset, each.row);
      if (!reached)
        return reached.failure();
      moved_ = true;
      if (!*reached)
        break;
      if (out_.cutter->digest() == each.digest || each.digest == 0)
        place = each;
    }
    if (place)
      return place;
    for (const auto& each : known)
      if (each.name == out_.fitted->identity)
        return changed(each);
    // Another file of the same name.
    if (moved_)
      if (auto fault = begin())
        return fault;
    return place;
  }

  error go_on(const source_cursor& place) {
    if (out_.cutter->offset() != place.offset) {
      if (auto fault = begin())
        return fault;
      const auto reached = out_.cutter->skip_to(place.offset, place.row);
      if (!reached)
        return reached.failure();
      if (!*reached)
        return changed(place);
    }
    const auto whole = out_.cutter->finish_line();
    if (!whole)
      return whole.failure();
    if (!*whole)
      return {errc::bad_data,
              "line " + std::to_string(place.row)
                + " was published as it stood, without its end, and goes on "
                  "now: check its row, and give --again to publish the file "
                  "from the start"};
    if (out_.fitted->identity != place.name) {
      auto renamed = std::make_shared<binding>(*out_.fitted);
      renamed->identity = place.name;
      out_.fitted = std::move(renamed);
    }
    out_.resumed = true;
    return {};
  }

  static error changed(const source_cursor& place) {
    return {errc::bad_data,
            "its first " + std::to_string(place.offset) + " bytes ("
              + std::to_string(place.row)
              + " lines) were published and are not the same any more: --again "
                "publishes the file from the start, as it is now"};
  }

  persistence::file_system& fs_;
  const source_info& info_;
  const reader_options& options_;
  opened_text out_;
  bool moved_ = false; ///< The cutter, from the first line.
};

} // namespace

result<opened_text> open_text(persistence::file_system& fs,
                              const source_info& info,
                              const reader_options& options) {
  return opening{fs, info, options}.run();
}

} // namespace millrace::feed
