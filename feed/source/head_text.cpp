#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/source/foreign_text_internal.hpp>
#include <millrace/feed/source/head_text.hpp>
#include <millrace/feed/source/read_fully_internal.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <atomic>
#include <span>

namespace millrace::feed {

namespace {

constexpr size_t head_bytes = 256 * 1024;

/// Names of those that read what is not text.
std::string decoding_presets() {
  std::string out;
  for (const auto name : preset_names())
    if (const auto each = preset(name); each && each->decode != decoding::none)
      out += (out.empty() ? "" : " ") + std::string{name};
  return out;
}

} // namespace

result<std::string> read_head(persistence::file_system& fs,
                              const std::string& path,
                              const source_choice& choice) {
  const std::atomic<bool> never{false};
  const auto found = list_sources(fs, path, choice, never);
  if (!found)
    return found.failure();
  if (found->empty())
    return error{errc::bad_data, path + ": holds no file"};
  if (auto fault = check_member(choice, *found))
    return fault;
  auto opened = open_source(fs, found->front(), never);
  if (!opened)
    return opened.failure();
  std::string text(head_bytes, '\0');
  const auto known
    = read_fully(std::as_writable_bytes(std::span{text}), never,
                 [&](auto into) { return (*opened)->read(into); });
  if (!known)
    return known.failure();
  const bool whole = *known < text.size();
  text.resize(*known);
  if (const auto kind = foreign_kind(text, whole); !kind.empty())
    return error{errc::bad_data, path + ": it is " + kind};
  if (text.find('\0') != text.npos)
    return error{errc::bad_data,
                 path
                   + ": it is not text; of what is not, presets read some "
                     "(`millrace layout --preset NAME`): "
                   + decoding_presets()};
  if (!whole)
    text.resize(text.rfind('\n') + 1);
  if (!text::valid_utf8(text))
    return error{errc::bad_data,
                 path
                   + ": it is not UTF-8: of what Windows writes, `iconv -f "
                     "CP1252 -t UTF-8` makes UTF-8 of it"};
  return text;
}

} // namespace millrace::feed
