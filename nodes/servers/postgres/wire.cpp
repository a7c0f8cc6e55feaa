#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>

#include <algorithm>
#include <charconv>

namespace millrace::nodes::postgres {

namespace {

void put_fields(message&& to, const told_error& what) {
  to.bytes("S").text(what.severity);
  to.bytes("V").text(what.severity);
  to.bytes("C").text(what.state);
  to.bytes("M").text(what.text);
  if (what.position != 0)
    to.bytes("P").text(std::to_string(what.position));
  to.bytes(std::string_view{"", 1});
}

/// "line 3, column 4: what": the two numbers, and what follows.
struct written_place {
  size_t line = 0;
  size_t column = 0;
  std::string_view rest;
};
std::optional<written_place> place_in(std::string_view text) {
  constexpr std::string_view before = "line ";
  constexpr std::string_view between = ", column ";
  if (!text.starts_with(before))
    return std::nullopt;
  written_place out;
  text.remove_prefix(before.size());
  auto read = std::from_chars(text.data(), text.data() + text.size(), out.line);
  text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
  if (read.ec != std::errc{} || !text.starts_with(between))
    return std::nullopt;
  text.remove_prefix(between.size());
  read = std::from_chars(text.data(), text.data() + text.size(), out.column);
  text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
  if (read.ec != std::errc{} || !text.starts_with(": "))
    return std::nullopt;
  out.rest = text.substr(2);
  return out;
}

} // namespace

std::string error_message(const told_error& what) {
  std::string out;
  put_fields(message{out, 'E'}, what);
  return out;
}

std::string notice_message(std::string_view text) {
  std::string out;
  put_fields(message{out, 'N'}, {"WARNING", "01000", std::string{text}, 0});
  return out;
}

std::string_view sql_state_of(const error& why) noexcept {
  const auto tells = [&](std::string_view what) {
    return why.context.find(what) != std::string::npos;
  };
  switch (why.code) {
    case errc::not_found:
      return tells("column") && !tells("no table") ? "42703" : "42P01";
    case errc::invalid_argument:
      return "42601";
    case errc::schema_mismatch:
      return "42804";
    case errc::unsupported:
      return tells("there is no function") ? "42883" : "0A000";
    case errc::limit_exceeded:
    case errc::oversize:
      return "53400";
    case errc::overflow:
      return "22003";
    case errc::timeout:
    case errc::cancelled:
      return "57014";
    case errc::unavailable:
    case errc::backend_lost:
    case errc::closed:
    case errc::moved:
      return "40001";
    case errc::corrupt:
    case errc::bad_data:
      return "XX001";
    case errc::malformed_message:
      return "08P01";
    default:
      return "XX000";
  }
}

told_error told(const error& why, std::string_view source, size_t begin) {
  told_error out{"ERROR", sql_state_of(why), why.context, 0};
  const auto place = source.empty() ? std::nullopt : place_in(why.context);
  if (!place || place->line == 0 || place->column == 0)
    return out;
  auto at = std::min(begin, source.size());
  for (size_t line = 1; line < place->line; ++line) {
    const auto end = source.find('\n', at);
    if (end == source.npos)
      return out;
    at = end + 1;
  }
  out.position = text::utf8_count(source.substr(0, at)) + place->column;
  out.text = place->rest;
  return out;
}

} // namespace millrace::nodes::postgres
