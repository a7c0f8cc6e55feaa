#include <millrace/messages/text/utf8.hpp>
#include <millrace/query/front/qsql/source.hpp>

#include <algorithm>

namespace millrace::query::qsql {

namespace {

constexpr size_t quoted_bytes_max = 40;

/// The text of a place, on one line and not too long.
std::string excerpt(std::string_view source, text_range at) {
  const auto begin = std::min<size_t>(at.begin, source.size());
  const auto end = std::min<size_t>(std::max(at.begin, at.end), source.size());
  return text::shown_on_line(source.substr(begin, end - begin),
                             quoted_bytes_max, ' ');
}

} // namespace

error fault_at(std::string_view source, text_range at, errc code,
               std::string_view kind, std::string_view what) {
  std::string out{kind};
  out += ": ";
  out += what;
  out += " at character ";
  out += std::to_string(at.begin + 1);
  const auto quoted = excerpt(source, at);
  out += quoted.empty() ? ", the end" : " near '" + quoted + "'";
  return {code, std::move(out)};
}

} // namespace millrace::query::qsql
