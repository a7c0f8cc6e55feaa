#include <millrace/feed/source/reject_file.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <xxhash.h>

namespace millrace::feed {

namespace {

constexpr size_t pending_bytes_max = 64 * 1024;

/// Of a line, whatever the reason is.
uint64_t key_of(std::string_view source, std::string_view place,
                std::string_view text) {
  const auto seed = XXH3_64bits(source.data(), source.size());
  return XXH3_64bits_withSeed(
    text.data(), text.size(),
    XXH3_64bits_withSeed(place.data(), place.size(), seed));
}

std::string_view take_field(std::string_view& rest) {
  const auto end = std::min(rest.find('\t'), rest.size());
  const auto field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

/// As `unprintable` takes it back: names of files may hold what ends fields and
/// lines here. Letters of any alphabet stay as they are.
std::string name_text(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\')
      out += printable({&c, 1}, 1);
    else
      out += c;
  return out;
}

/// The path of a file up to the first dot of its name, and the member: the same
/// of a text and of what it is packed in, beside it. Files of one name in other
/// folders or archives are others: their paths may say another day or symbol.
std::string source_stem(std::string_view source) {
  const auto mark = std::min(source.rfind('#'), source.size());
  const auto file = source.substr(0, mark);
  const auto name = file.find_last_of('/') + 1;
  return std::string{file.substr(0, file.find('.', name))}.append(
    source.substr(mark));
}

std::string place_of(const rejected_line& line) {
  return to_text(
    line_place{line.offset, line.reading, line.hash, line.mark, line.is_open});
}

void append_line(const rejected_line& line, std::string& out) {
  out += name_text(line.source) + '\t' + std::to_string(line.line) + '\t'
         + place_of(line) + '\t' + line.reason + '\t' + line.text + '\n';
}

/// By what lines of a file are counted: what was said of it counts, too.
std::string count_key(const std::string& source,
                      const std::optional<line_reading>& reading) {
  if (!reading)
    return source;
  auto said = *reading;
  said.header.reset();
  return source + '\t' + to_text(line_place{0, std::move(said), {}, {}, false});
}

bool take_number(std::string_view& rest, uint64_t& out) {
  const auto text = take_field(rest);
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  return read.ec == std::errc{} && read.ptr == end;
}

/// What of a line tells it from others.
struct kept_line {
  std::string source;
  std::string place; ///< The same whether the line is being fed or not.
  std::string_view text;
  std::optional<line_place> at; ///< None: `place` is none.

  /// One that may go on is itself also when it is mended: it is read again.
  [[nodiscard]] uint64_t key() const {
    return key_of(source, place, at && at->is_open ? std::string_view{} : text);
  }
  [[nodiscard]] std::string counted() const {
    return count_key(source, at ? at->reading : std::nullopt);
  }
};

kept_line split_kept(std::string_view line) {
  kept_line out;
  out.source = unprintable(take_field(line));
  take_field(line); // Line.
  out.place = take_field(line);
  take_field(line); // Reason.
  out.text = line;
  out.at = parse_line_place(out.place);
  if (out.at && out.at->mark && !out.at->mark->refused) {
    out.at->mark.reset();
    out.place = to_text(*out.at);
  }
  // As older releases kept it: the line as it is now.
  if (out.at && !out.at->hash)
    out.at->hash = line_hash(unprintable(out.text));
  return out;
}

/// Its mend is the user's: what its file has there is not put in its place.
bool is_mended_open(const kept_line& line) {
  return line.at->is_open && line_hash(unprintable(line.text)) != line.at->hash;
}

/// Whether what was the begin of a line of this file begins `there`.
bool has_gone_on(const kept_line& line, std::string_view source,
                 std::string_view there) {
  return unpacked_name(line.source) == unpacked_name(source)
         && !is_mended_open(line) && there.starts_with(unprintable(line.text));
}

} // namespace

std::string_view unpacked_name(std::string_view source) {
  for (const std::string_view end : {".gz", ".bz2", ".xz", ".zst", ".zip"})
    if (source.ends_with(end))
      return source.substr(0, source.size() - end.size());
  return source;
}

template <class F>
error reject_file::each_line(F one) {
  if (!fs_.exists(path_))
    return {};
  auto opened = fs_.open(path_, persistence::open_mode::read);
  if (!opened)
    return opened.failure();
  std::string text;
  std::vector<std::byte> part(pending_bytes_max);
  for (uint64_t at = 0;;) {
    const auto got = (*opened)->read_at(at, part);
    if (!got)
      return got.failure();
    if (*got == 0)
      return {};
    at += *got;
    text.append(reinterpret_cast<const char*>(part.data()), *got);
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != text.npos;
         begin = end + 1)
      one(std::string_view{text}.substr(begin, end - begin));
    text.erase(0, begin);
  }
}

error reject_file::read() {
  if (known_read_)
    return {};
  known_read_ = true;
  return each_line([this](std::string_view line) {
    const auto kept = split_kept(line);
    if (!known_.insert(kept.key()).second)
      return;
    ++kept_[kept.counted()];
    sources_.insert(kept.source);
    if (kept.at)
      places_.emplace(kept.at->offset, *kept.at->hash);
    any_open_ = any_open_ || (kept.at && kept.at->is_open);
  });
}

error reject_file::forget_from(const std::string& source,
                               const line_reading& now, uint64_t offset) {
  if (auto fault = read())
    return fault;
  if (!sources_.contains(source))
    return {};
  return forget([&](const kept_line& each) {
    return each.source == source && each.at && each.at->offset >= offset
           && !is_mended_open(each)
           && (!each.at->reading || covers(now, *each.at->reading));
  });
}

error reject_file::forget_read(const std::string& source,
                               const line_reading& now, uint64_t offset,
                               std::string_view text) {
  if (auto fault = read())
    return fault;
  const auto hash_at = [&](uint64_t at) {
    return line_hash(text.substr(static_cast<size_t>(at - offset)));
  };
  const auto end = places_.lower_bound(offset + text.size());
  if (!any_open_
      && std::none_of(places_.lower_bound(offset), end, [&](const auto& each) {
           return hash_at(each.first) == each.second;
         }))
    return {};
  return forget([&](const kept_line& each) {
    const auto& at = each.at;
    const bool same_line
      = at && at->reading ? covers(now, *at->reading)
                              && source_stem(each.source) == source_stem(source)
                          : each.source == source;
    return at && same_line && at->offset >= offset
           && at->offset - offset < text.size()
           && (at->is_open ? has_gone_on(
                 each, source,
                 text.substr(static_cast<size_t>(at->offset - offset)))
                           : at->hash == hash_at(at->offset));
  });
}

template <class F>
error reject_file::forget(F is_gone) {
  if (auto fault = write())
    return fault;
  const auto lock = change();
  if (!lock)
    return lock.failure();
  std::string rest;
  bool any = false;
  auto fault = each_line([&](std::string_view line) {
    const auto kept = split_kept(line);
    if (!is_gone(kept)) {
      rest.append(line) += '\n';
      return;
    }
    any = true;
    if (known_.erase(kept.key()) == 0)
      return;
    if (auto& count = kept_[kept.counted()]; count != 0)
      --count;
    const auto [first, last] = places_.equal_range(kept.at->offset);
    if (const auto place = std::find_if(
          first, last,
          [&](const auto& each) { return kept.at->hash == each.second; });
        place != last)
      places_.erase(place);
  });
  if (fault || !any)
    return fault;
  return persistence::replace_file(fs_, path_, std::as_bytes(std::span{rest}));
}

result<std::unique_ptr<persistence::file_lock>> reject_file::change() {
  return fs_.lock_file(path_ + ".change",
                       persistence::lock_mode::exclusive_wait, "a feed");
}

error reject_file::write() {
  if (pending_.empty())
    return {};
  const auto lock = change();
  if (!lock)
    return lock.failure();
  // Each time anew: others add to it, and put another file in its place.
  auto opened = fs_.open(path_, persistence::open_mode::write);
  if (!opened)
    return opened.failure();
  const auto size = (*opened)->size();
  if (!size)
    return size.failure();
  if (auto fault
      = (*opened)->write_at(*size, std::as_bytes(std::span{pending_})))
    return fault;
  written_ = true;
  pending_.clear();
  return {};
}

error reject_file::add(const rejected_line& line) {
  if (auto fault = read())
    return fault;
  const auto key = key_of(line.source, place_of(line),
                          line.is_open ? std::string_view{} : line.text);
  if (!known_.insert(key).second) {
    // It is counted now, and not among those of earlier runs once more.
    if (const auto kept = kept_.find(count_key(line.source, line.reading));
        kept != kept_.end() && kept->second != 0)
      --kept->second;
    return {};
  }
  append_line(line, pending_);
  return pending_.size() < pending_bytes_max ? error{} : write();
}

result<uint64_t> reject_file::kept_before(const std::string& source,
                                          const line_reading& now) {
  if (auto fault = read())
    return fault;
  uint64_t out = 0;
  // What an older release wrote says nothing more than the file.
  for (const auto& key : {count_key(source, now), source})
    if (const auto found = kept_.find(key); found != kept_.end())
      out += found->second;
  return out;
}

error reject_file::flush() {
  if (auto fault = write())
    return fault;
  if (!written_ || !fs_.exists(path_))
    return {};
  const auto opened = fs_.open(path_, persistence::open_mode::write);
  return opened ? (*opened)->sync() : opened.failure();
}

result<std::unique_ptr<persistence::file_lock>>
lock_rejects(persistence::file_system& fs, const std::string& path,
             persistence::lock_mode mode, const std::string& feed) {
  auto lock = fs.lock_file(path + ".lock", mode, "feed '" + feed + "'");
  if (lock || lock.failure().code == errc::not_found)
    return lock ? std::move(lock) : std::unique_ptr<persistence::file_lock>{};
  auto fault = lock.failure();
  if (fault.code == errc::locked)
    fault.context
      = path
        + (mode == persistence::lock_mode::shared
             ? ": its lines are being fed ("
             : ": a feed writes to it what it rejects, or feeds its lines (")
        + fault.context + "): wait until that is over, or stop it";
  return fault;
}

error check_reject_file(persistence::file_system& fs, const std::string& path) {
  if (!fs.exists(path))
    return {};
  const auto opened = fs.open(path, persistence::open_mode::read);
  if (!opened)
    return opened.failure();
  std::string begin(pending_bytes_max, '\0');
  const auto got
    = (*opened)->read_at(0, std::as_writable_bytes(std::span{begin}));
  if (!got)
    return got.failure();
  begin.resize(*got);
  auto rest = std::string_view{begin}.substr(0, begin.find('\n'));
  uint64_t line = 0;
  const auto file = take_field(rest);
  const bool is_one = !file.empty() && take_number(rest, line) && line != 0
                      && parse_line_place(take_field(rest))
                      && !take_field(rest).empty() && !rest.empty();
  if (begin.empty() || is_one)
    return {};
  return {errc::invalid_argument,
          path
            + ": is there, and no reject file: rejected lines would be written "
              "to its end; give another --reject"};
}

bool is_part(const rejected_line& line) {
  return line.is_open
         || (line.text.ends_with("...")
             && line.reason.find(" bytes, at most ") != std::string::npos);
}

result<std::vector<rejected_line>> read_rejects(persistence::file_system& fs,
                                                const std::string& path) {
  const auto text = persistence::read_text_file(fs, path, uint64_t{1} << 30);
  if (!text)
    return text.failure();
  const std::string_view all{*text};
  std::vector<rejected_line> out;
  for (size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find('\n', at), all.size());
    auto rest = all.substr(at, end - at);
    at = end + 1;
    if (rest.empty())
      continue;
    auto& line = out.emplace_back();
    line.source = unprintable(take_field(rest));
    const bool has_line = take_number(rest, line.line) && line.line != 0;
    const auto place = parse_line_place(take_field(rest));
    line.reason = take_field(rest);
    line.text = rest;
    if (!has_line || !place || line.text.empty())
      return error{errc::bad_data,
                   path + ":" + std::to_string(out.size())
                     + ": is not a line of a reject file: file, line, offset "
                       "with how it was read, reason and text between tabs"};
    line.offset = place->offset;
    line.reading = place->reading;
    line.hash = place->hash;
    line.mark = place->mark;
    line.is_open = place->is_open;
  }
  return out;
}

error replace_rejects(persistence::file_system& fs, const std::string& path,
                      const std::vector<rejected_line>& lines) {
  std::string text;
  for (const auto& each : lines)
    append_line(each, text);
  return persistence::replace_file(fs, path, std::as_bytes(std::span{text}));
}

} // namespace millrace::feed
