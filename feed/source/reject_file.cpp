#include <millrace/feed/source/reject_file.hpp>
#include <millrace/messages/text/hex_text.hpp>

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
uint64_t key_of(std::string_view source, std::string_view offset,
                std::string_view text) {
  const auto seed = XXH3_64bits(source.data(), source.size());
  return XXH3_64bits_withSeed(
    text.data(), text.size(),
    XXH3_64bits_withSeed(offset.data(), offset.size(), seed));
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

void append_line(const rejected_line& line, std::string& out) {
  out += name_text(line.source) + '\t' + std::to_string(line.line) + '\t'
         + std::to_string(line.offset) + '\t' + line.reason + '\t' + line.text
         + '\n';
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
  std::string_view offset;
  std::string_view text;
  std::optional<uint64_t> at; ///< The offset; none: it is no number.

  [[nodiscard]] uint64_t key() const { return key_of(source, offset, text); }
};

kept_line split_kept(std::string_view line) {
  kept_line out;
  out.source = unprintable(take_field(line));
  take_field(line); // Line.
  out.offset = take_field(line);
  take_field(line); // Reason.
  out.text = line;
  uint64_t at = 0;
  if (auto digits = out.offset; take_number(digits, at))
    out.at = at;
  return out;
}

} // namespace

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
    if (known_.insert(kept.key()).second)
      ++kept_[kept.source];
  });
}

error reject_file::forget_from(const std::string& source, uint64_t offset) {
  if (auto fault = read())
    return fault;
  if (auto fault = write())
    return fault;
  if (const auto kept = kept_.find(source);
      kept == kept_.end() || kept->second == 0)
    return {};
  std::string rest;
  bool any = false;
  auto fault = each_line([&](std::string_view line) {
    const auto kept = split_kept(line);
    if (kept.source != source || !kept.at || *kept.at < offset) {
      rest.append(line) += '\n';
      return;
    }
    any = true;
    if (known_.erase(kept.key()) != 0)
      --kept_[source];
  });
  if (fault || !any)
    return fault;
  file_.reset(); // Another file takes its place.
  return persistence::replace_file(fs_, path_, std::as_bytes(std::span{rest}));
}

error reject_file::write() {
  if (pending_.empty())
    return {};
  if (!file_) {
    auto opened = fs_.open(path_, persistence::open_mode::write);
    if (!opened)
      return opened.failure();
    const auto size = (*opened)->size();
    if (!size)
      return size.failure();
    end_ = *size;
    file_ = std::move(*opened);
  }
  if (auto fault = file_->write_at(end_, std::as_bytes(std::span{pending_})))
    return fault;
  end_ += pending_.size();
  pending_.clear();
  return {};
}

error reject_file::add(const rejected_line& line) {
  if (auto fault = read())
    return fault;
  const auto offset = std::to_string(line.offset);
  if (!known_.insert(key_of(line.source, offset, line.text)).second) {
    // It is counted now, and not among those of earlier runs once more.
    if (const auto kept = kept_.find(line.source);
        kept != kept_.end() && kept->second != 0)
      --kept->second;
    return {};
  }
  append_line(line, pending_);
  return pending_.size() < pending_bytes_max ? error{} : write();
}

result<uint64_t> reject_file::kept_before(const std::string& source) {
  if (auto fault = read())
    return fault;
  const auto found = kept_.find(source);
  return found == kept_.end() ? 0 : found->second;
}

error reject_file::flush() {
  if (auto fault = write())
    return fault;
  return file_ ? file_->sync() : error{};
}

std::string unprintable(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto rest = text.substr(at);
    const auto hex = rest.starts_with("\\x")
                       ? text::parse_hex(rest.substr(2, 2))
                       : std::nullopt;
    if (rest.starts_with("\\\\")) {
      out += '\\';
      ++at;
    } else if (hex && hex->size() == 1) {
      out += *hex;
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

bool is_cut_off(const rejected_line& line) {
  return line.text.ends_with("...")
         && line.reason.find(" bytes, at most ") != std::string::npos;
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
    const bool good = take_number(rest, line.line) && line.line != 0
                      && take_number(rest, line.offset);
    line.reason = take_field(rest);
    line.text = rest;
    if (!good || line.text.empty())
      return error{errc::bad_data,
                   path + ":" + std::to_string(out.size())
                     + ": is not a line of a reject file: file, line, offset, "
                       "reason and text between tabs"};
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
