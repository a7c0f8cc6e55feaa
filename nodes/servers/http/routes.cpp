#include <millrace/messages/base/name_table.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/http/routes.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace millrace::nodes::http {

namespace {

constexpr const char* plain = "text/plain; charset=utf-8";

known_response refused(unsigned status, std::string text,
                       std::string headers = {}) {
  return {status, plain, std::move(text) + "\n", std::move(headers)};
}

error bad(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

/// Names of hosts have no case.
bool is_same_name(std::string_view left, std::string_view right) {
  return text::lower_case(left) == text::lower_case(right);
}

/// A page of somebody else may send a browser here by a name of its own, and
/// read what it is answered.
bool is_own_name(std::string_view host, const std::string& address) {
  const bool is_in_brackets = host.starts_with('[');
  const auto end = std::min(host.find(is_in_brackets ? ']' : ':'), host.size());
  const auto name = host.substr(is_in_brackets, end - is_in_brackets);
  auto port = host.substr(end);
  if (is_in_brackets && port.empty())
    return false;
  port.remove_prefix(is_in_brackets);
  if (!port.empty()
      && (port[0] != ':'
          || port.find_first_not_of("0123456789", 1) != port.npos))
    return false;
  return is_same_name(name, address)
         || (!is_in_brackets && is_same_name(name, "localhost"));
}

constexpr name_table<query::result_format, 3> formats{
  {{query::result_format::json, "json"},
   {query::result_format::csv, "csv"},
   {query::result_format::arrow, "arrow"}}};
constexpr name_table<query::result_format, 3> types{
  {{query::result_format::json, "application/json"},
   {query::result_format::csv, "text/csv; charset=utf-8"},
   {query::result_format::arrow, "application/vnd.apache.arrow.stream"}}};

result<query::result_format> format_of(const http_request& what) {
  const auto named = what.parameters.find("format");
  if (named != what.parameters.end()) {
    if (const auto known = formats.find(named->second))
      return *known;
    return bad("format is json, csv or arrow, not '" + named->second + "'");
  }
  for (const auto format :
       {query::result_format::csv, query::result_format::arrow}) {
    const std::string_view type{type_of(format)};
    if (what.accept.find(type.substr(0, type.find(';'))) != what.accept.npos)
      return format;
  }
  return query::result_format::json;
}

wish query_of(const http_request& what) {
  const auto is_post = what.method == "POST";
  for (const auto& item : what.parameters)
    if (item.first != "language" && item.first != "format"
        && item.first != "at_least" && (is_post || item.first != "query"))
      return failed_response(bad("there is no parameter '" + item.first
                                 + "'; there are language, format, at_least"
                                 + (is_post ? "" : ", query")));
  const auto format = format_of(what);
  if (!format)
    return failed_response(format.failure());
  const auto at = [&](const char* name) {
    const auto found = what.parameters.find(name);
    return found == what.parameters.end() ? std::string{} : found->second;
  };
  const auto text = is_post ? what.body : at("query");
  const auto language = at("language");
  if (!language.empty() && language != "qsql" && language != "sql"
      && language != "getdata")
    return failed_response(
      bad("language is qsql, sql or getdata, not '" + language + "'"));
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos)
    return failed_response(bad("the query is empty"));
  text::json_value parameters{
    {"language", language.empty() ? std::string{"qsql"} : language},
    {"text", text}};
  if (language.empty() ? text[first] == '{' : language == "getdata") {
    auto asked = text::parse_json(text);
    if (!asked || !asked->is_object())
      return failed_response(
        bad("the query: "
            + (asked ? "is not a JSON object" : asked.failure().context)));
    parameters = *std::move(asked);
  }
  if (const auto place = at("at_least"); !place.empty()) {
    const auto number = text::parse_json(place);
    if (!number || !number->natural())
      return failed_response(bad("at_least is a position"));
    parameters["at_least"] = *number;
  }
  return query_wish{parameters.dump(), *format};
}

} // namespace

known_response failed_response(const error& why) {
  unsigned status = 500;
  switch (why.code) {
    case errc::invalid_argument:
    case errc::not_found:
    case errc::unsupported:
    case errc::schema_mismatch:
    case errc::overflow:
      status = 400;
      break;
    case errc::limit_exceeded:
    case errc::oversize:
      status = 413;
      break;
    case errc::unavailable:
    case errc::backend_lost:
    case errc::closed:
    case errc::moved:
      status = 503;
      break;
    case errc::timeout:
      status = 504;
      break;
    default:
      break;
  }
  return {
    status,
    "application/json",
    text::json_value{{"error", to_string(why.code)}, {"text", why.context}}
        .dump()
      + "\n",
    {}};
}

std::string_view type_of(query::result_format format) noexcept {
  return types.name_of(format);
}

wish wish_of(const http_request& what, const std::string& address) {
  if (!is_own_name(what.host, address))
    return refused(403, "this is " + address + ", and not '" + what.host + "'");
  // The session leaves the body out of the response to HEAD.
  const bool is_get = what.method == "GET" || what.method == "HEAD";
  if (!is_get && what.method != "POST")
    return refused(405, "there are GET, HEAD and POST",
                   "Allow: GET, HEAD, POST\r\n");
  if (what.path == "/query")
    return query_of(what);
  if (!is_get)
    return refused(405, "POST is for /query", "Allow: GET, HEAD\r\n");
  if (what.path == "/health")
    return refused(200, "ok");
  if (what.path == "/ready")
    return readiness_wish{};
  if (what.path == "/status")
    return status_wish{false};
  if (what.path == "/metrics")
    return status_wish{true};
  return refused(404, "there are /query, /status, /metrics, /health, /ready");
}

} // namespace millrace::nodes::http
