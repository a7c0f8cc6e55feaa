#include <millrace/feed/source/published_place_internal.hpp>
#include <millrace/feed/source/reject_file.hpp>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

namespace millrace::feed {

namespace {

/// Bytes and hash of a text that is known by them.
std::optional<std::pair<uint64_t, uint64_t>> extent_of(std::string_view text) {
  const auto mark = text.find(':');
  if (mark == text.npos)
    return std::nullopt;
  std::pair<uint64_t, uint64_t> out;
  const auto* const end = text.data() + text.size();
  if (std::from_chars(text.data(), text.data() + mark, out.first).ptr
        != text.data() + mark
      || std::from_chars(text.data() + mark + 1, end, out.second, 16).ptr
           != end)
    return std::nullopt;
  return out;
}

std::string lines_text(uint64_t lines) {
  return std::to_string(lines) + (lines == 1 ? " line" : " lines");
}

std::string were_read(uint64_t lines) {
  return lines_text(lines) + (lines == 1 ? " was" : " were") + " read before";
}

/// What lies there, if it can be read more than once.
std::optional<source_info> file_at(persistence::file_system& fs,
                                   const std::string& label,
                                   const std::atomic<bool>& stop) {
  auto path = label;
  std::string member;
  if (const auto mark = label.rfind('#');
      mark != label.npos && !fs.exists(label)) {
    path = label.substr(0, mark);
    member = label.substr(mark + 1);
  }
  if (!fs.exists(path))
    return std::nullopt;
  const auto file = fs.open(path, persistence::open_mode::read);
  const auto size = file ? (*file)->size() : result<uint64_t>{file.failure()};
  if (!size || *size == 0)
    return std::nullopt; // Of a pipe nothing is taken.
  const auto found = list_sources(fs, path, {}, stop);
  if (found)
    for (const auto& each : *found)
      if (each.member == member)
        return each;
  return std::nullopt;
}

} // namespace

/// The path is no part of a text: files are moved.
bool published_place::is_own(const source_cursor& each) const {
  if (options_.named_by_text)
    return parse_text_identity(each.name).same_rows(own_);
  const auto mine = without_place(text_.out().fitted->identity);
  const auto& path = text_.info().path;
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? mine : mine.substr(slash + 1);
  const auto theirs = without_place(each.name);
  return theirs == mine || theirs == name || theirs.ends_with("/" + name);
}

/// By how far they go; of two that go as far its own is the last.
std::vector<published_place::known_source> published_place::known() const {
  std::vector<known_source> out;
  const auto add = [&](const source_cursor& each, const std::string& label) {
    known_source made{each, label, parse_text_identity(each.name), false,
                      false};
    text_.tell_named(made.told);
    made.own = label.empty() && is_own(each);
    if (made.own) {
      out.push_back(std::move(made));
      return;
    }
    if (options_.again || text_.info().rejected)
      return;
    const bool same_rows = made.told.layout == own_.layout;
    // A place that is not told may be this one.
    const bool same_place
      = made.told.place.empty() || made.told.place == own_.place;
    if (!(same_rows || same_place) || made.told.is_of_another(own_)
        || compare_marks(made.told.marks, text_.marks()).differ)
      return;
    made.layout = !same_rows;
    if (options_.named_by_text) {
      const auto whole = extent_of(made.told.text);
      if (!whole || made.told.text == own_.text)
        return;
      std::tie(made.until.offset, made.until.digest) = *whole;
    }
    const auto& path = text_.info().path;
    if (label.empty())
      made.label = options_.named_by_text
                     ? path.substr(0, path.rfind('/') + 1) + made.told.name
                     : each.name.substr(0, each.name.rfind('@'));
    if (made.until.digest != 0)
      out.push_back(std::move(made));
  };
  for (const auto& each : options_.resume)
    add(each, {});
  for (const auto& each : earlier_)
    add(each.until, each.label);
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.until.offset, a.own) < std::tie(b.until.offset, b.own);
  });
  return out;
}

error published_place::look(const std::vector<known_source>& all) {
  auto& cutter = *text_.out().cutter;
  for (auto each = all.begin(); each != all.end(); ++each) {
    const auto reached = cutter.skip_to(each->until.offset, each->until.row);
    const bool waits = !reached && reached.failure().code == errc::timeout;
    // One that begins otherwise never will.
    if (waits)
      for (const auto& other : all)
        if (other.own && compare_marks(other.told.marks, text_.marks()).differ)
          return changed(other.until);
    // What is followed grows to where it was left.
    if (!reached
        && (!waits || std::any_of(each, all.end(), [](const auto& later) {
             return later.own;
           })))
      return reached.failure();
    if (waits || !*reached) {
      ended_ = true;
      length_ = cutter.offset();
      digest_ = cutter.digest();
      return {};
    }
    if (cutter.digest() == each->until.digest
        || (each->own && each->until.digest == 0))
      (each->own ? place_ : other_) = *each;
  }
  return {};
}

/// Whether the text, which has ended, is what another one begins with; none:
/// as far as can be told.
result<std::optional<bool>>
published_place::is_begin_of(const known_source& each) const {
  const auto no = std::optional{false};
  const auto shared = compare_marks(each.told.marks, text_.marks());
  auto& fs = text_.fs();
  const auto there
    = each.told.pipe ? std::nullopt : file_at(fs, each.label, *options_.stop);
  if (there) {
    text_start other{fs, *there, options_};
    auto lines = other.lines();
    if (lines && each.told.marks.empty()
        && compare_marks(lines->line_marks(), text_.marks()).differ)
      return no;
    const auto reached
      = lines ? lines->skip_to(length_, 0) : result<bool>{lines.failure()};
    const bool same = reached && *reached && lines->digest() == digest_;
    const auto whole = reached ? lines->skip_to(each.until.offset, 0) : reached;
    // Else another file lies there now, or it cannot be read.
    if (whole && *whole && lines->digest() == each.until.digest)
      return std::optional{same};
  }
  return shared.count > text_.head_lines() ? std::optional<bool>{} : no;
}

error published_place::look_at_longer(const std::vector<known_source>& all) {
  if (!ended_ || (place_ && place_->until.offset == length_))
    return {};
  for (const auto& each : all) {
    if (each.own || each.until.offset <= length_)
      continue;
    const auto begins = is_begin_of(each);
    if (!begins)
      return begins.failure();
    if (*begins == false)
      continue;
    longer_ = each;
    is_certain_ = begins->has_value();
    if (is_certain_)
      break;
  }
  return {};
}

error published_place::judge() const {
  const auto own = place_ ? place_->until.offset : 0;
  const bool further = other_ && other_->until.offset > own;
  const bool goes_on = options_.go_on && !options_.named_by_text;
  if (!longer_ && (!further || goes_on))
    return {};
  // What is followed would come to lines that were published.
  if (longer_ && goes_on && is_certain_ && !text_.info().followed)
    return {};
  const auto& with = longer_ ? *longer_ : *other_;
  const auto name = options_.named_by_text
                      ? with.told.name
                      : with.until.name.substr(0, with.until.name.rfind('@'));
  std::string what;
  if (!longer_)
    what = "its first " + std::to_string(with.until.offset) + " bytes ("
           + lines_text(with.until.row) + ") are those of " + name
           + ", which was read before";
  else if (is_certain_)
    what = "its text is what " + name + " begins with, of which "
           + were_read(with.until.row);
  else
    what = "its first "
           + lines_text(compare_marks(with.told.marks, text_.marks()).count)
           + " are those of " + name + ", of which " + were_read(with.until.row)
           + ", and which is not there any more to be compared";
  what += with.layout ? " by another layout, or with another form of it"
                      : ": its rows would come twice";
  if (options_.named_by_text)
    return {errc::already_exists,
            what
              + "; leave it out, or --replace puts its rows in the place of "
                "all rows of their dates"};
  if (longer_)
    return {errc::already_exists,
            what + "; leave it out, or give --again to publish all of it"};
  what += "; --go-on publishes what comes after them";
  if (with.layout)
    what += ", --only-rejects the lines that gave no row, --name ANOTHER its "
            "rows beside those";
  return {errc::already_exists, what + ", --again all of it from the start"};
}

/// `already_exists` when other rows were made of this whole text.
error published_place::other_rows() const {
  for (const auto& each : options_.resume) {
    auto other = parse_text_identity(each.name);
    text_.tell_named(other);
    if (other.text == own_.text && other.layout != own_.layout
        && !other.is_of_another(own_))
      return {errc::already_exists,
              "its text was loaded as " + other.name
                + ", with another layout, date or symbol; --replace puts its "
                  "rows in the place of all rows of their dates"};
  }
  return {};
}

/// What was published of the file that lay where this one lies, by whatever
/// layout: another header, or another layout, makes another source of a text,
/// and the file of that name is changed all the same. With another date or
/// symbol it is another source on purpose.
const source_cursor* published_place::published_here() const {
  if (options_.named_by_text || options_.again || text_.info().rejected)
    return nullptr;
  const auto label = text_.info().label();
  const auto mine = without_place(text_.out().fitted->identity);
  const source_cursor* other = nullptr;
  for (const auto& each : options_.resume) {
    // Its own is what the message is about, if there is one.
    if (without_place(each.name) == mine)
      return &each;
    const auto told = parse_text_identity(each.name);
    const bool same_place = told.place.empty() || told.place == own_.place;
    const auto at = std::min(each.name.rfind('@'), each.name.size());
    if (same_place && !told.pipe && each.offset != 0
        && std::string_view{each.name}.substr(0, at) == label)
      other = &each;
  }
  return other;
}

/// Of a file that gave no row no line counts as read, and yet its lines may
/// have been published one by one.
error published_place::check_rejects() const {
  if (options_.named_by_text || options_.again || text_.info().rejected)
    return {};
  const auto label = text_.info().label();
  for (const auto& each : options_.resume) {
    const auto name = source_of_rejects(each.name);
    if (!name
        || unpacked_name(
             name->substr(0, std::min(name->rfind('@'), name->size())))
             != unpacked_name(label))
      continue;
    const auto told = parse_text_identity(*name);
    const bool same_place = told.place.empty() || told.place == own_.place;
    if (same_place && !compare_marks(told.marks, text_.marks()).differ)
      return {
        errc::already_exists,
        "some of its lines were published by --only-rejects, and no row of "
        "it as it is read now: they would come twice; take them out, "
        "if it holds them still, and give --again to publish it"};
  }
  return {};
}

result<std::optional<source_cursor>> published_place::find() {
  std::optional<source_cursor> none;
  if (text_.info().pipe)
    return none; // Whatever comes through it, it is another text.
  const auto begin = text_.out().cutter->offset();
  const auto all = known();
  if (auto fault = look(all))
    return fault;
  if (!place_ && options_.named_by_text)
    if (auto fault = other_rows())
      return fault;
  // Without a row there is nothing that could come twice.
  if (ended_ && length_ > begin)
    if (auto fault = look_at_longer(all))
      return fault;
  if (auto fault = judge())
    return fault;
  // Its rows are these from there on.
  const auto& name = place_ ? place_->until.name : text_.out().fitted->identity;
  if (longer_)
    return std::optional{source_cursor{name, length_, 0, digest_}};
  if (other_ && (!place_ || other_->until.offset > place_->until.offset))
    return std::optional{source_cursor{
      name, other_->until.offset, other_->until.row, other_->until.digest}};
  if (place_)
    return std::optional{place_->until};
  if (const auto* const before = published_here())
    return changed(*before);
  if (auto fault = check_rejects())
    return fault;
  // Another file of the same name.
  if (text_.out().cutter->offset() != begin)
    if (auto fault = text_.begin())
      return fault;
  return none;
}

error published_place::changed(const source_cursor& place) {
  return {errc::bad_data,
          "its first " + std::to_string(place.offset) + " bytes ("
            + std::to_string(place.row)
            + " lines) were published and are not the same any more: --again "
              "publishes the file from the start, as it is now; a line that "
              "gave no row is mended in the reject file, for --only-rejects"};
}

} // namespace millrace::feed
