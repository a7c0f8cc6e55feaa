#include <millrace/messages/text/told_place.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace millrace::text {

namespace {

/// Takes `before` and a number above 0 from the front of a text.
std::optional<size_t> take_number(std::string_view& from,
                                  std::string_view before) {
  if (!from.starts_with(before))
    return std::nullopt;
  from.remove_prefix(before.size());
  size_t out = 0;
  const auto read
    = std::from_chars(from.data(), from.data() + from.size(), out);
  from.remove_prefix(static_cast<size_t>(read.ptr - from.data()));
  return read.ec == std::errc{} && out != 0 ? std::optional{out} : std::nullopt;
}

} // namespace

std::optional<told_place> place_told(std::string_view what,
                                     std::string_view source, size_t begin) {
  const auto line = take_number(what, "line ");
  const auto column = line ? take_number(what, ", column ") : std::nullopt;
  if (!column || !what.starts_with(": "))
    return std::nullopt;
  auto at = std::min(begin, source.size());
  for (size_t i = 1; i < *line; ++i) {
    const auto end = source.find('\n', at);
    if (end == source.npos)
      return std::nullopt;
    at = end + 1;
  }
  return told_place{utf8_count(source.substr(0, at)) + *column - 1,
                    what.substr(2)};
}

} // namespace millrace::text
