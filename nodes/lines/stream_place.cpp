#include <millrace/nodes/lines/parse_position.hpp>
#include <millrace/nodes/lines/stream_place.hpp>
#include <millrace/query/plan/literal_text.hpp>

namespace millrace::nodes {

result<stream_place> parse_place(const std::string& text) {
  stream_place out;
  if (text == "begin" || text == "end") {
    out.is
      = text == "begin" ? stream_place::kind::begin : stream_place::kind::end;
    return out;
  }
  if (const auto at = parse_position(text)) {
    out.is = stream_place::kind::at_position;
    out.at = *at;
    return out;
  }
  const auto time = query::parse_time(text);
  if (!time)
    return error{errc::invalid_argument,
                 "'" + text
                   + "' is not begin, end, a position (a number, or "
                     "log.0.0@1064), or a time such as 2024-01-02T14:30"};
  out.is = stream_place::kind::at_time;
  out.time_ns = time->ns;
  return out;
}

} // namespace millrace::nodes
