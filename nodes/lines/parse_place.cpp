#include <millrace/nodes/lines/parse_place.hpp>
#include <millrace/nodes/lines/parse_position.hpp>
#include <millrace/query/plan/literal_text.hpp>

namespace millrace::nodes {

result<start_spec> parse_place(const std::string& text) {
  start_spec out;
  if (text == "begin" || text == "end") {
    out.kind = text == "begin" ? start_spec::begin : start_spec::end;
    return out;
  }
  if (const auto at = parse_position(text)) {
    out.kind = start_spec::at_position;
    out.at = *at;
    return out;
  }
  const auto time = query::parse_time(text);
  if (!time)
    return error{errc::invalid_argument,
                 "'" + text
                   + "' is not begin, end, a position (a number, or "
                     "log.0.0@1064), or a time such as 2024-01-02T14:30"};
  out.kind = start_spec::at_time;
  out.time_ns = time->ns;
  return out;
}

} // namespace millrace::nodes
