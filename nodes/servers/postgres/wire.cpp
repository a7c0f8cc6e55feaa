#include <millrace/messages/text/told_place.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>

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
      return tells("is not a value of type") || tells("is not a number")
               ? "22P02"
             : tells("division by zero") ? "22012"
                                         : "42601";
    case errc::schema_mismatch:
      return "42804";
    case errc::unsupported:
      return tells("there is no function") ? "42883" : "0A000";
    case errc::limit_exceeded:
    case errc::busy:
    case errc::oversize:
      return "53400";
    case errc::overloaded:
      return "53200";
    case errc::overflow:
      return "22003";
    case errc::before_cutover:
      return "55000";
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
  if (source.empty())
    return out;
  if (const auto place = text::place_told(why.context, source, begin)) {
    out.position = place->character + 1;
    out.text = place->rest;
  }
  return out;
}

} // namespace millrace::nodes::postgres
