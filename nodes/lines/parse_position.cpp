#include <millrace/nodes/lines/parse_position.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::nodes {

namespace {

std::optional<uint64_t> number_of(std::string_view text, int base) {
  uint64_t x = 0;
  const auto* last = text.data() + text.size();
  const auto got = std::from_chars(text.data(), last, x, base);
  if (text.empty() || got.ec != std::errc{} || got.ptr != last)
    return std::nullopt;
  return x;
}

} // namespace

result<position> parse_position(const std::string& raw) {
  const error bad{errc::invalid_argument,
                  "'" + raw
                    + "' is not a position: a number, 0x and hexadecimal "
                      "digits, or log.<session>.<roll>@<offset>"};
  std::string text;
  for (const char c : raw)
    if (c != ' ')
      text += c;
  if (text.starts_with("0x")) {
    const auto x = number_of(std::string_view{text}.substr(2), 16);
    return x ? result<position>{position{*x}} : result<position>{bad};
  }
  if (!text.starts_with("log.")) {
    const auto x = number_of(text, 10);
    return x ? result<position>{position{*x}} : result<position>{bad};
  }
  const std::string_view rest = std::string_view{text}.substr(4);
  const auto dot = rest.find('.');
  const auto at = rest.find('@');
  if (dot == std::string_view::npos || at == std::string_view::npos || at < dot)
    return bad;
  const auto session = number_of(rest.substr(0, dot), 10);
  const auto roll = number_of(rest.substr(dot + 1, at - dot - 1), 10);
  const auto offset = number_of(rest.substr(at + 1), 10);
  if (!session || !roll || !offset || *session > position::session_max
      || *roll > position::roll_max || *offset > position::offset_max + 1)
    return bad;
  return position::of(*session, *roll, *offset);
}

} // namespace millrace::nodes
