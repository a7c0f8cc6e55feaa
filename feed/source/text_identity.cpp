#include <millrace/feed/source/text_identity.hpp>
#include <millrace/feed/text/text_digest.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace millrace::feed {

namespace {

bool is_hash(std::string_view text) {
  return text.size() == 16
         && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// Without the ":<bytes>:<hash>" that stands between file and member.
std::string without_head(std::string_view name) {
  const auto member = std::min(name.find('#'), name.size());
  const auto file = name.substr(0, member);
  const auto hash = file.rfind(':');
  const auto bytes
    = hash == file.npos || hash == 0 ? file.npos : file.rfind(':', hash - 1);
  if (bytes == file.npos || !is_hash(file.substr(hash + 1))
      || !is_number(file.substr(bytes + 1, hash - bytes - 1)))
    return std::string{name};
  return std::string{file.substr(0, bytes)}.append(name.substr(member));
}

constexpr size_t mark_digits = 8;

/// None of what are no marks.
std::vector<uint32_t> parse_marks(std::string_view text) {
  std::vector<uint32_t> out;
  for (; text.size() >= mark_digits; text.remove_prefix(mark_digits)) {
    uint32_t mark = 0;
    const auto* const end = text.data() + mark_digits;
    if (std::from_chars(text.data(), end, mark, 16).ptr != end)
      return {};
    out.push_back(mark);
  }
  return out;
}

} // namespace

std::optional<std::string_view> source_of_rejects(std::string_view name) {
  const auto mark = name.rfind(rejects_mark);
  return mark == name.npos ? std::nullopt : std::optional{name.substr(0, mark)};
}

std::string mark_text(const std::vector<uint32_t>& marks) {
  std::string out{"^"};
  for (const auto each : marks) {
    char digits[mark_digits + 1];
    std::snprintf(digits, sizeof digits, "%08x", each);
    out += digits;
  }
  return out;
}

shared_lines compare_marks(const std::vector<uint32_t>& a,
                           const std::vector<uint32_t>& b) {
  const auto common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i)
    if (a[i] != b[i])
      return {true, 0};
  return {false, common == 0 ? 0 : uint64_t{1} << (common - 1)};
}

text_identity parse_text_identity(std::string_view source) {
  text_identity out;
  const auto at = std::min(source.rfind('@'), source.size());
  const auto rows = source.substr(std::min(at + 1, source.size()));
  const auto mark = std::min(rows.find('~'), rows.size());
  out.layout = rows.substr(0, mark);
  const auto place = rows.substr(std::min(mark + 1, rows.size()));
  const auto lines = std::min(place.find('^'), place.size());
  const auto instrument = std::min(place.find('+'), lines);
  out.place = place.substr(0, instrument);
  if (instrument < lines) {
    const auto said = place.substr(instrument + 1, lines - instrument - 1);
    const auto others = std::min(said.find('.'), said.size());
    out.instrument = said.substr(0, others);
    out.constants = said.substr(std::min(others + 1, said.size()));
  }
  out.pipe = place.substr(lines) == pipe_mark;
  out.marks = parse_marks(place.substr(std::min(lines + 1, place.size())));
  auto name = source.substr(0, at);
  const auto first = name.find(':');
  const auto second = first == name.npos ? first : name.find(':', first + 1);
  if (name.starts_with('=') && second != name.npos
      && is_number(name.substr(1, first - 1))
      && is_hash(name.substr(first + 1, second - first - 1))) {
    out.text = name.substr(1, second - 1);
    out.name = name.substr(second + 1);
  } else {
    out.name = without_head(name);
  }
  return out;
}

std::string without_place(std::string_view source) {
  const auto name = source_of_rejects(source).value_or(source);
  const auto at = std::min(name.rfind('@'), name.size());
  return std::string{name.substr(0, std::min(name.find('~', at), name.size()))}
    .append(source.substr(name.size()));
}

result<std::string> identify_text(persistence::file_system& fs,
                                  const source_info& info,
                                  const std::atomic<bool>& stop) {
  if (info.pipe)
    return error{errc::unsupported,
                 "a pipe: its text is read twice here, so it must be a file"};
  auto opened = open_source(fs, info, stop);
  if (!opened)
    return opened.failure();
  text_digest digest;
  uint64_t bytes = 0;
  std::vector<std::byte> piece(size_t{1} << 20);
  for (;;) {
    const auto got = (*opened)->read(piece);
    if (!got)
      return got.failure();
    if (*got == 0)
      break;
    digest.add({reinterpret_cast<const char*>(piece.data()), *got});
    bytes += *got;
    if (stop)
      return error{errc::cancelled, "interrupted"};
  }
  char text[64];
  std::snprintf(text, sizeof text,
                "=%llu:%016llx:", static_cast<unsigned long long>(bytes),
                static_cast<unsigned long long>(digest.value()));
  const auto name = info.path.substr(info.path.rfind('/') + 1);
  return text + name + (info.member.empty() ? "" : "#" + info.member);
}

} // namespace millrace::feed
