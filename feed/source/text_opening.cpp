#include <millrace/feed/source/decoded_source_internal.hpp>
#include <millrace/feed/source/text_identity.hpp>
#include <millrace/feed/source/text_opening_internal.hpp>
#include <millrace/messages/text/csv_text.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <tuple>

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

/// Opens one source, perhaps more than once.
class opening {
public:
  opening(persistence::file_system& fs, const source_info& info,
          const reader_options& options,
          const std::vector<source_cursor>& earlier)
    : fs_{fs}, info_{info}, options_{options}, earlier_{earlier} {}

  /// Before its first line.
  result<opened_text> begun() {
    if (auto fault = begin())
      return fault;
    return std::move(out_);
  }

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
    std::optional<std::string> header;
    auto made = open_cutter(header);
    if (!made)
      return made.failure();
    if (options_.layout.header && !header)
      return {};
    std::vector<std::string> names;
    if (header) {
      auto split = split_header(*header, options_.layout);
      if (!split)
        return split.failure();
      names = *std::move(split);
    }
    if (info_.rejected)
      made = piece_cutter{std::make_unique<text_source>(info_.rejected), how()};
    out_.cutter.emplace(*std::move(made));
    return out_.fitted ? error{} : fit(std::move(names));
  }

  [[nodiscard]] piece_cutter::options how() const {
    const auto& from = options_.layout;
    return {.delimiter = from.delimiter,
            .quote = from.quote,
            .line_bytes_max = options_.line_bytes_max,
            .whole_lines = info_.followed && !info_.pipe,
            .pipe = info_.pipe != nullptr};
  }

  /// The file behind `info_`, after its header, if the layout has one.
  result<piece_cutter> open_cutter(std::optional<std::string>& header) {
    if (info_.rejected && !options_.layout.header)
      return piece_cutter{std::make_unique<text_source>(info_.rejected), how()};
    auto file = file_of();
    if (!file)
      return file.failure();
    auto opened = open_source(fs_, *file, *options_.stop);
    if (!opened)
      return opened.failure();
    *opened = decoded(*std::move(opened));
    piece_cutter made{std::move(*opened), how()};
    if (auto fault = made.begin_text())
      return fault;
    for (uint32_t i = 0; i < options_.layout.skip_lines; ++i) {
      const auto line = made.take_line();
      if (!line)
        return line.failure();
      if (!*line && i == 0)
        break; // It is empty.
      if (!*line)
        return error{errc::bad_data,
                     "it has " + std::to_string(i)
                       + " lines, and the layout passes over the first "
                       + std::to_string(options_.layout.skip_lines)
                       + " (skip_lines)"};
    }
    if (options_.layout.header) {
      auto line = take_header(made);
      if (!line)
        return line.failure();
      if (!*line && made.offset() != 0)
        return error{errc::bad_data,
                     "it ends before a header: its lines are blank or "
                     "comments, and the layout says that there is one"};
      header = *std::move(line);
    }
    return made;
  }

  /// Its lines, also of what is not text.
  [[nodiscard]] std::unique_ptr<source>
  decoded(std::unique_ptr<source> from) const {
    const auto wanted = options_.layout.decode;
    switch (wanted) {
      case decoding::none:
        break;
      case decoding::iex_trades:
      case decoding::iex_quotes:
      case decoding::iex_levels:
        return decode_iex(std::move(from), wanted, info_.label());
      case decoding::itch_trades:
      case decoding::itch_orders:
        return decode_itch(std::move(from), wanted, info_.label());
    }
    return from;
  }

  /// What rejected lines are of: their header stands there.
  result<source_info> file_of() {
    if (!info_.rejected)
      return info_;
    auto found = list_sources(fs_, info_.path, {}, *options_.stop);
    if (!found)
      return found.failure();
    for (const auto& each : *found)
      if (each.member == info_.member)
        return each;
    return error{errc::not_found, "the archive has no such member any more"};
  }

  /// The next line that the layout does not skip.
  result<std::optional<std::string>> take_header(piece_cutter& from) const {
    const auto& skipped = options_.layout.skipped;
    for (;;) {
      auto line = from.take_line();
      if (line && *line && (**line == "" || **line == "\r"))
        continue; // As between rows.
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
    if (options_.named_by_text) {
      auto named = std::make_shared<binding>(*out_.fitted);
      named->identity.replace(0, info_.label().size(), info_.identity);
      out_.fitted = std::move(named);
    }
    // What is left of rejects is another text with each line that is mended.
    if (info_.rejected) {
      text_digest whole;
      whole.add(info_.rejected->text);
      auto named = std::make_shared<binding>(*out_.fitted);
      named->identity += "@rejects:" + std::to_string(whole.value());
      out_.fitted = std::move(named);
    }
    return {};
  }

  /// Cursors of this source, or of one of its name that lay elsewhere, by
  /// their offset. The path is no part of a text: files are moved.
  [[nodiscard]] std::vector<source_cursor> candidates() const {
    const auto& own = out_.fitted->identity;
    if (options_.named_by_text) {
      const auto mine = parse_text_identity(own);
      std::vector<source_cursor> same;
      std::copy_if(options_.resume.begin(), options_.resume.end(),
                   std::back_inserter(same), [&](const auto& each) {
                     return parse_text_identity(each.name).same_rows(mine);
                   });
      return same;
    }
    const auto mine = without_place(own);
    const auto slash = info_.path.rfind('/');
    const auto name
      = slash == std::string::npos ? mine : mine.substr(slash + 1);
    std::vector<source_cursor> out;
    if (info_.pipe)
      return out; // Whatever comes through it, it is another text.
    for (const auto& each : options_.resume)
      if (const auto theirs = without_place(each.name);
          theirs == mine || theirs == name || theirs.ends_with("/" + name))
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
    if (options_.named_by_text)
      if (auto fault = other_rows())
        return fault;
    for (const auto& each : known)
      if (without_place(each.name) == without_place(out_.fitted->identity))
        return changed(each);
    if (auto copied = find_copied(); !copied || *copied)
      return copied;
    // Another file of the same name.
    if (moved_)
      if (auto fault = begin())
        return fault;
    return place;
  }

  /// What another source was read up to: of another name, or by another
  /// layout, whose rows go where these do.
  struct other_source {
    source_cursor until;
    bool whole = false;  ///< Nothing comes after that.
    bool layout = false; ///< Other rows were made of the lines.
  };

  [[nodiscard]] std::vector<other_source> others() const {
    std::vector<other_source> out;
    const auto own = parse_text_identity(out_.fitted->identity);
    const auto add = [&](const source_cursor& each, bool whole) {
      const auto other = parse_text_identity(each.name);
      const bool same_rows = other.layout == own.layout;
      // A place that is not told may be this one.
      const bool same_place = other.place.empty() || other.place == own.place;
      if (each.digest != 0 && (same_rows ? other.name != own.name : same_place)
          && (info_.kind != source_kind::plain
              || each.offset <= info_.total_bytes))
        out.push_back({each, whole, !same_rows});
    };
    for (const auto& each : options_.resume)
      add(each, false);
    for (const auto& each : earlier_)
      add(each, true);
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return std::tie(a.until.offset, a.whole)
             < std::tie(b.until.offset, b.whole);
    });
    return out;
  }

  /// The text of another source that this one begins with: a text is what it is
  /// under every name, and whatever a layout makes of it.
  /// @returns where to go on, if that is asked for
  result<std::optional<source_cursor>> find_copied() {
    std::optional<source_cursor> none;
    if (options_.again || options_.named_by_text || info_.pipe
        || info_.rejected)
      return none;
    const auto known = others();
    if (!known.empty() && moved_)
      if (auto fault = begin())
        return fault;
    std::optional<other_source> found;
    for (const auto& each : known) {
      const auto reached
        = out_.cutter->skip_to(each.until.offset, each.until.row);
      if (!reached)
        return reached.failure();
      moved_ = true;
      if (!*reached)
        break;
      if (out_.cutter->digest() != each.until.digest)
        continue;
      if (each.whole) {
        const auto more
          = out_.cutter->skip_to(each.until.offset + 1, each.until.row);
        if (!more && more.failure().code != errc::timeout)
          return more.failure();
        if (more && *more)
          break;
      }
      found = each;
    }
    if (!found)
      return none;
    if (!options_.go_on || found->whole)
      return read_before(*found);
    // Its rows are these from here on.
    return std::optional{source_cursor{out_.fitted->identity,
                                       found->until.offset, found->until.row,
                                       found->until.digest}};
  }

  [[nodiscard]] static error read_before(const other_source& other) {
    const auto& [until, whole, layout] = other;
    auto what = "its first " + std::to_string(until.offset) + " bytes ("
                + std::to_string(until.row) + " lines) are those of "
                + until.name.substr(0, until.name.rfind('@'))
                + ", which was read before";
    what += layout ? " by another layout, or with another form of it"
                   : ": its rows would come twice";
    what
      += whole ? "; leave it out" : "; --go-on publishes what comes after them";
    if (layout)
      what += ", --only-rejects the lines that gave no row, --name ANOTHER its "
              "rows beside those";
    return {errc::already_exists, what + ", --again all of it from the start"};
  }

  /// `already_exists` when other rows were made of this text.
  [[nodiscard]] error other_rows() const {
    const auto mine = parse_text_identity(out_.fitted->identity);
    for (const auto& each : options_.resume)
      if (const auto other = parse_text_identity(each.name);
          other.text == mine.text && other.layout != mine.layout)
        return {errc::already_exists,
                "its text was loaded as " + other.name
                  + ", with another layout, date or symbol; --replace puts its "
                    "rows in the place of all rows of their dates"};
    return {};
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
  const std::vector<source_cursor>& earlier_;
  opened_text out_;
  bool moved_ = false; ///< The cutter, from the first line.
};

} // namespace

result<opened_text> open_text(persistence::file_system& fs,
                              const source_info& info,
                              const reader_options& options,
                              const std::vector<source_cursor>& earlier) {
  return opening{fs, info, options, earlier}.run();
}

namespace {

/// Texts that differ do so in it, as a rule.
constexpr uint64_t compared_bytes = 64 * 1024;

} // namespace

result<text_check::extent> text_check::whole_of(const source_info& info) const {
  opening one{*fs_, info, *options_, {}};
  auto begun = one.begun();
  if (!begun)
    return begun.failure();
  auto& cutter = *begun->cutter;
  if (const auto end = cutter.skip_to(UINT64_MAX, 0); !end)
    return end.failure();
  return extent{cutter.offset(), cutter.digest()};
}

/// What the text has up to there; none: it is shorter.
result<std::optional<uint64_t>> text_check::digest_at(const source_info& info,
                                                      uint64_t offset) const {
  opening one{*fs_, info, *options_, {}};
  auto begun = one.begun();
  if (!begun)
    return begun.failure();
  auto& cutter = *begun->cutter;
  const auto reached = cutter.skip_to(offset, 0);
  if (!reached)
    return reached.failure();
  if (!*reached || cutter.offset() != offset)
    return std::optional<uint64_t>{};
  return std::optional{cutter.digest()};
}

/// Whether one of two texts is what the other begins with.
result<bool> text_check::begins_with(known_text& a, known_text& b) const {
  if (a.head.offset == b.head.offset && a.head != b.head)
    return false;
  auto& shorter = a.head.offset < b.head.offset ? a : b;
  auto& longer = &shorter == &a ? b : a;
  // One that ends before what is compared at first is known whole.
  if (a.head.offset != b.head.offset) {
    const auto there = digest_at(*longer.info, shorter.head.offset);
    if (!there)
      return there.failure();
    if (*there != shorter.head.digest)
      return false;
  }
  for (auto* one : {&a, &b})
    if (!one->whole) {
      const auto whole = whole_of(*one->info);
      // What breaks off later is told at its place.
      if (!whole)
        return false;
      one->whole = *whole;
    }
  if (a.whole->offset == b.whole->offset)
    return *a.whole == *b.whole;
  auto& less = a.whole->offset < b.whole->offset ? a : b;
  const auto there = digest_at(*(&less == &a ? b : a).info, less.whole->offset);
  if (!there)
    return there.failure();
  return *there == less.whole->digest;
}

error text_check::add(const source_info& info) {
  auto opened = open_text(*fs_, info, *options_);
  if (!opened)
    return opened.failure();
  if (!opened->cutter || opened->resumed || options_->again
      || options_->named_by_text || info.rejected)
    return {};
  auto& cutter = *opened->cutter;
  const auto begin = cutter.offset();
  // What breaks off, or is damaged, is told at its place, after the rows that
  // stand whole before it.
  if (!cutter.skip_to(begin + compared_bytes, 0))
    return {};
  if (cutter.offset() == begin)
    return {}; // Without a line there is nothing that could come twice.
  const auto& name = opened->fitted->identity;
  known_text made{&info,
                  name.substr(name.rfind('@')),
                  {cutter.offset(), cutter.digest()},
                  std::nullopt};
  for (auto& each : known_) {
    if (each.rows != made.rows)
      continue;
    const auto same = begins_with(each, made);
    if (!same)
      return same.failure();
    if (*same)
      return {errc::already_exists,
              "its text and that of " + each.info->label()
                + ", which is read before it, are the same as far as both go: "
                  "its rows would come twice; leave the shorter one out, or "
                  "give --again to publish all files from the start"};
  }
  known_.push_back(std::move(made));
  return {};
}

} // namespace millrace::feed
