#include <millrace/feed/source/decoded_source_internal.hpp>
#include <millrace/feed/source/rejected_sources_internal.hpp>
#include <millrace/feed/source/text_identity.hpp>
#include <millrace/feed/source/text_start_internal.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/csv_text.hpp>

#include <algorithm>
#include <span>

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

/// A text in memory.
class text_source : public source {
public:
  explicit text_source(std::shared_ptr<const reject_text> from)
    : from_{std::move(from)} {}

  result<size_t> read(std::span<std::byte> into) override {
    const auto rest = std::as_bytes(std::span{from_->text}).subspan(at_);
    const auto count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    at_ += count;
    return count;
  }
  [[nodiscard]] uint64_t progress() const noexcept override { return at_; }

private:
  std::shared_ptr<const reject_text> from_;
  size_t at_ = 0;
};

} // namespace

error text_start::begin() {
  out_.cutter.reset();
  std::optional<std::string> header;
  auto made = open_cutter(header);
  if (!made)
    return made.failure();
  if (options_->layout.header && !header)
    return info_->rejected
             ? error{errc::bad_data,
                     "the header of its rejected lines is not there any more: "
                     "write it and the lines into a file, feed it, and take "
                     "them out of the reject file"}
             : error{};
  std::vector<std::string> names;
  if (header) {
    auto split = split_header(*header, options_->layout);
    if (!split)
      return split.failure();
    names = *std::move(split);
  }
  if (auto fault = check_header(*info_, header))
    return fault;
  head_lines_ = made->line();
  if (info_->rejected)
    made = piece_cutter{std::make_unique<text_source>(info_->rejected), how()};
  out_.cutter.emplace(*std::move(made));
  return out_.fitted ? error{} : fit(std::move(names), header);
}

piece_cutter::options text_start::how() const {
  const auto& from = options_->layout;
  return {.delimiter = from.delimiter,
          .quote = from.quote,
          .line_bytes_max = options_->line_bytes_max,
          .whole_lines = info_->followed && !info_->pipe,
          .pipe = info_->pipe != nullptr,
          .grows
          = !info_->pipe && !info_->rejected && !options_->named_by_text};
}

result<piece_cutter> text_start::lines() {
  auto file = file_of();
  if (!file)
    return file.failure();
  auto opened = open_source(*fs_, *file, *options_->stop);
  if (!opened)
    return opened.failure();
  piece_cutter made{decoded(*std::move(opened)), how()};
  if (auto fault = made.begin_text())
    return fault;
  return made;
}

/// The file after `info_`, after its header, if the layout has one.
result<piece_cutter>
text_start::open_cutter(std::optional<std::string>& header) {
  if (info_->rejected && !options_->layout.header)
    return piece_cutter{std::make_unique<text_source>(info_->rejected), how()};
  auto made = lines();
  if (!made)
    return made;
  if (!out_.fitted && !info_->pipe && !info_->rejected)
    marks_ = made->line_marks();
  for (uint32_t i = 0; i < options_->layout.skip_lines; ++i) {
    const auto line = made->take_line();
    if (!line)
      return line.failure();
    if (!*line && i == 0)
      break; // It is empty.
    if (!*line)
      return error{errc::bad_data,
                   "it has " + std::to_string(i)
                     + " lines, and the layout passes over the first "
                     + std::to_string(options_->layout.skip_lines)
                     + " (skip_lines)"};
  }
  if (options_->layout.header) {
    auto line = take_header(*made);
    if (!line)
      return line.failure();
    if (!*line && made->offset() != 0)
      return error{errc::bad_data,
                   "it ends before a header: its lines are blank or "
                   "comments, and the layout says that there is one"};
    header = *std::move(line);
  }
  return made;
}

/// Its lines, also of what is not text.
std::unique_ptr<source>
text_start::decoded(std::unique_ptr<source> from) const {
  const auto wanted = options_->layout.decode;
  switch (wanted) {
    case decoding::none:
      break;
    case decoding::iex_trades:
    case decoding::iex_quotes:
    case decoding::iex_levels:
      return decode_iex(std::move(from), wanted, info_->label());
    case decoding::itch_trades:
    case decoding::itch_orders:
      return decode_itch(std::move(from), wanted, info_->label());
  }
  return from;
}

/// What rejected lines are of: their header stands there.
result<source_info> text_start::file_of() const {
  if (!info_->rejected)
    return *info_;
  const auto opened = fs_->open(info_->path, persistence::open_mode::read);
  const auto size
    = opened ? (*opened)->size() : result<uint64_t>{opened.failure()};
  if (!size)
    return size.failure();
  // Of a pipe nothing is taken.
  if (*size == 0)
    return error{errc::bad_data,
                 "the header of its rejected lines is not there any more (it "
                 "came through a pipe?): write it and the lines into a file, "
                 "feed it, and take them out of the reject file"};
  auto found = list_sources(*fs_, info_->path, {}, *options_->stop);
  if (!found)
    return found.failure();
  for (const auto& each : *found)
    if (each.member == info_->member)
      return each;
  return error{errc::not_found, "the archive has no such member any more"};
}

/// No name stands in it.
bool text_start::is_nameless(std::string_view line) const {
  const auto delimiter = options_->layout.delimiter;
  return std::all_of(line.begin(), line.end(), [&](char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '"' || c == delimiter;
  });
}

/// The next record that the layout does not skip.
result<std::optional<std::string>>
text_start::take_header(piece_cutter& from) const {
  const auto& skipped = options_->layout.skipped;
  for (;;) {
    auto line = from.take_record();
    if (line && *line && is_nameless(**line))
      continue; // As spreadsheets write an empty row.
    if (!line || !*line
        || std::none_of(skipped.begin(), skipped.end(),
                        [&](const std::string& begin) {
                          return (*line)->starts_with(begin);
                        }))
      return line;
  }
}

error text_start::fit(std::vector<std::string> names,
                      const std::optional<std::string>& header) {
  const auto said = said_of(*info_, *options_);
  binding_request request{&options_->layout,
                          options_->schema,
                          info_->label(),
                          {said.symbol, {}, info_->path, info_->member},
                          null_int,
                          std::move(names),
                          options_->now != nullptr};
  // Rejected without a date, its lines may be of a day all the same.
  if (said.date && info_->rejected && info_->rejected->reading
      && !info_->rejected->reading->date)
    if (const auto undated = bind(request);
        undated && (*undated)->date != null_int)
      return {errc::invalid_argument,
              "its rejected lines are of the day in its name, "
                + text::date_text((*undated)->date) + ": leave out --date"};
  request.date = said.date.value_or(null_int);
  auto bound = bind(request);
  if (!bound)
    return bound.failure();
  out_.fitted = *bound;
  request_ = std::move(request);
  name_it(header);
  return {};
}

void text_start::tell_named(text_identity& of) const {
  const auto own = parse_text_identity(out_.fitted->identity);
  if ((own.instrument.empty() || !of.instrument.empty())
      && (own.constants.empty() || !of.constants.empty()))
    return;
  auto request = request_;
  // A member's name follows the path of its archive, which may hold the mark.
  for (auto mark = of.name.size(); mark != std::string::npos;
       mark = mark == 0 ? std::string::npos : of.name.rfind('#', mark - 1)) {
    request.values.file = of.name.substr(0, mark);
    request.values.member = of.name.substr(std::min(mark + 1, of.name.size()));
    const auto bound = bind(request);
    if (!bound)
      continue;
    const auto made = parse_text_identity((*bound)->identity);
    if (made.layout != of.layout)
      continue;
    of.instrument = made.instrument;
    of.constants = made.constants;
    return;
  }
}

void text_start::name_it(const std::optional<std::string>& header) {
  auto named = std::make_shared<binding>(*out_.fitted);
  named->reading
    = {options_->schema.name, options_->date, options_->symbol, std::nullopt};
  if (header) {
    named->reading.header = line_hash(*header);
    named->header = *header;
  }
  if (options_->named_by_text)
    named->identity.replace(0, info_->label().size(), info_->identity);
  if (info_->rejected) {
    // What is left of rejects is another text with each line that is mended.
    text_digest whole;
    whole.add(info_->rejected->text);
    named->identity.append(rejects_mark).append(std::to_string(whole.value()));
  } else {
    named->identity += info_->pipe ? pipe_mark : mark_text(marks_);
  }
  out_.fitted = std::move(named);
}

} // namespace millrace::feed
