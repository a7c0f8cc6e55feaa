#include <millrace/messages/base/name_table.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/servers/http/console_files.hpp>
#include <millrace/nodes/servers/http/exec_answer.hpp>
#include <millrace/nodes/servers/http/routes.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <initializer_list>
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

/// Whether a name of a certificate is for a host.
bool is_named(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*."))
    return is_same_name(pattern, host);
  const auto dot = host.find('.');
  return dot != host.npos && dot != 0
         && is_same_name(pattern.substr(1), host.substr(dot));
}

/// A page of somebody else may send a browser here by a name of its own, and
/// read what it is answered.
bool is_own_name(std::string_view host, const own_site& at) {
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
  return is_same_name(name, at.address)
         || (!is_in_brackets && is_same_name(name, "localhost"))
         || std::any_of(at.names.begin(), at.names.end(),
                        [&](const auto& each) { return is_named(each, name); });
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

/// A parameter; empty: it is not there.
std::string parameter(const http_request& of, const char* name) {
  const auto found = of.parameters.find(name);
  return found == of.parameters.end() ? std::string{} : found->second;
}

/// Refuses parameters of other names.
error check_parameters(const http_request& what,
                       std::initializer_list<std::string_view> known) {
  for (const auto& item : what.parameters)
    if (std::find(known.begin(), known.end(), item.first) == known.end())
      return bad("there is no parameter '" + item.first + "'; there are "
                 + text::joined(known));
  return {};
}

wish query_of(const http_request& what) {
  const auto is_post = what.method == "POST";
  if (const auto fault
      = is_post ? check_parameters(
          what, {"language", "format", "at_least", "as_of", "priority"})
                : check_parameters(what, {"language", "format", "at_least",
                                          "as_of", "priority", "query"}))
    return failed_response(fault);
  const auto format = format_of(what);
  if (!format)
    return failed_response(format.failure());
  const auto text = is_post ? what.body : parameter(what, "query");
  const auto language = parameter(what, "language");
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
  for (const auto* key : {"at_least", "as_of"})
    if (const auto place = parameter(what, key); !place.empty()) {
      const auto number = text::parse_json(place);
      if (!number || !number->natural())
        return failed_response(bad(std::string{key} + " is a position"));
      parameters[key] = *number;
    }
  if (const auto wanted = parameter(what, "priority"); !wanted.empty())
    parameters["priority"] = wanted; // The gateway says what there is.
  return query_wish{parameters.dump(), *format};
}

/// "true" or "false".
error read_flag(const http_request& what, const char* name, bool& into) {
  const auto said = parameter(what, name);
  if (!said.empty() && said != "true" && said != "false")
    return bad(std::string{name} + " is true or false, not '" + said + "'");
  into = said == "true";
  return {};
}

/// "limit=100": the first rows; "limit=100,200": those after the first 100, up
/// to the 200th.
error read_limit(const std::string& said, exec_form& into) {
  if (said.empty())
    return {};
  const auto comma = said.find(',');
  const auto number = [&](std::string_view digits) {
    const auto read = text::parse_json(digits);
    return read ? read->natural() : std::nullopt;
  };
  const auto end
    = number(std::string_view{said}.substr(comma == said.npos ? 0 : comma + 1));
  const auto begin = comma == said.npos
                       ? std::optional<uint64_t>{0}
                       : number(std::string_view{said}.substr(0, comma));
  constexpr uint64_t most = uint64_t{1} << 62;
  if (!begin || !end || *end > most || *begin > *end)
    return bad("limit is a count of rows, or two places of rows as 100,200, "
               "not '"
               + said + "'");
  into.begin = *begin;
  into.end = *end;
  return {};
}

wish exec_of(const http_request& what) {
  exec_form form;
  form.query = parameter(what, "query");
  bool hides_columns = false;
  bool explains = false;
  bool counts = false;
  const auto read = [&]() -> error {
    if (auto fault
        = check_parameters(what, {"query", "limit", "count", "nm", "timings",
                                  "explain", "quoteLargeNum"}))
      return fault;
    if (form.query.find_first_not_of(" \t\r\n") == form.query.npos)
      return bad("the query is empty");
    for (const auto& [name, into] : {std::pair{"nm", &hides_columns},
                                     {"timings", &form.has_timings},
                                     {"explain", &explains},
                                     {"count", &counts},
                                     {"quoteLargeNum", &form.quotes_longs}})
      if (auto fault = read_flag(what, name, *into))
        return fault;
    return read_limit(parameter(what, "limit"), form);
  };
  if (const auto fault = read())
    return exec_failure(fault, form);
  form.has_columns = !hides_columns;
  text::json_value parameters{{"language", "sql"}, {"text", form.query}};
  if (explains)
    parameters["explain"] = true;
  // Who wants to know how many there are has all of them found.
  if (form.end && !counts)
    parameters["limit"] = *form.end;
  return query_wish{parameters.dump(), query::result_format::json,
                    std::move(form)};
}

wish stream_of(const http_request& what) {
  if (const auto fault
      = check_parameters(what, {"stream", "table", "from", "from_row_time"}))
    return failed_response(fault);
  stream_wish out;
  out.stream = parameter(what, "stream");
  out.table = parameter(what, "table");
  if (out.stream.empty() && out.table.empty())
    return failed_response(bad("say which one: stream=NAME, or table=NAME"));
  if (const auto time = parameter(what, "from_row_time"); !time.empty()) {
    const auto read = query::parse_time(time);
    if (out.table.empty() || !read)
      return failed_response(bad(out.table.empty()
                                   ? "from_row_time is of rows: say of which "
                                     "table with table=NAME"
                                   : "from_row_time: '" + time
                                       + "' is not a time such as "
                                         "2024-01-02T14:30"));
    out.row_time_ns = read->ns;
    out.from.kind = start_spec::begin;
  }
  // A client that comes back says where it was.
  const auto& back = what.last_event_id;
  if (const auto from = back.empty() ? parameter(what, "from") : back;
      !from.empty()) {
    const auto place = parse_place(from);
    if (!place)
      return failed_response(bad("from: " + place.failure().context));
    out.from = *place;
  }
  out.is_websocket = !what.websocket_accept.empty();
  out.head = stream_head(what);
  return out;
}

result<line_format> line_format_of(const http_request& what) {
  const auto named = parameter(what, "format");
  if (named.empty())
    return what.content_type.starts_with("text/csv") ? line_format::csv
                                                     : line_format::json;
  if (named == "json" || named == "csv")
    return named == "csv" ? line_format::csv : line_format::json;
  return bad("format is json or csv, not '" + named + "'");
}

result<rt::ack_level> level_of(const std::string& name) {
  if (name.empty() || name == "committed")
    return rt::ack_level::committed;
  if (name == "synced")
    return rt::ack_level::synced;
  if (name == "recorded")
    return rt::ack_level::recorded;
  return bad("level is committed, synced or recorded, not '" + name + "'");
}

/// A client that numbers its requests says both.
error read_origin(const http_request& what, publish_wish& into) {
  constexpr size_t name_bytes_max = 128;
  into.origin = parameter(what, "origin");
  const auto id = parameter(what, "id");
  if (into.origin.empty() && id.empty())
    return {};
  if (into.origin.empty() || id.empty())
    return bad("origin and id go together: a name of your own, and a number "
               "that grows by one from request to request");
  if (into.origin.size() > name_bytes_max || !text::valid_utf8(into.origin))
    return bad("origin is a name of at most 128 bytes of UTF-8");
  const auto number = text::parse_json(id);
  if (!number || number->integer().value_or(0) < 1)
    return bad("id is a whole number of 1 or more, not '" + id + "'");
  into.id = *number->integer();
  return {};
}

wish publish_of(const http_request& what) {
  if (const auto fault
      = check_parameters(what, {"table", "format", "level", "origin", "id"}))
    return failed_response(fault);
  publish_wish out;
  out.table = parameter(what, "table");
  if (out.table.empty())
    return failed_response(bad("say of which table the rows are: table=NAME"));
  const auto format = line_format_of(what);
  if (!format)
    return failed_response(format.failure());
  out.format = *format;
  const auto level = level_of(parameter(what, "level"));
  if (!level)
    return failed_response(level.failure());
  out.level = *level;
  if (const auto fault = read_origin(what, out))
    return failed_response(fault);
  out.lines = what.body;
  return out;
}

/// A page of somebody else may have a browser ask, or publish, for it.
bool is_own_page(const http_request& what, bool is_secure) {
  const std::string_view scheme = is_secure ? "https://" : "http://";
  return what.origin.empty()
         || (is_same_name(what.origin.substr(0, scheme.size()), scheme)
             && is_same_name(what.origin.substr(scheme.size()), what.host));
}

} // namespace

known_response failed_response(const error& why) {
  unsigned status = 500;
  std::string headers;
  switch (why.code) {
    case errc::invalid_argument:
    case errc::not_found:
    case errc::unsupported:
    case errc::schema_mismatch:
    case errc::overflow:
    case errc::bad_data:
      status = 400;
      break;
    case errc::permission:
      status = 403;
      break;
    case errc::bad_id:
    case errc::id_behind:
    case errc::before_cutover:
    case errc::config:
      status = 409;
      break;
    case errc::no_space:
      status = 507;
      break;
    case errc::limit_exceeded:
    case errc::oversize:
      status = 413;
      break;
    case errc::busy:
      status = 429;
      headers = "Retry-After: 1\r\n";
      break;
    case errc::overloaded:
      status = 503;
      headers = "Retry-After: 1\r\n";
      break;
    case errc::unavailable:
    case errc::backend_lost:
    case errc::closed:
    case errc::moved:
    case errc::origin_unverified:
      status = 503;
      break;
    case errc::timeout:
      status = 504;
      break;
    default:
      break;
  }
  return {
    status, "application/json",
    text::json_value{{"error", to_string(why.code)}, {"text", why.context}}
        .dump()
      + "\n",
    std::move(headers)};
}

std::string_view type_of(query::result_format format) noexcept {
  return types.name_of(format);
}

wish wish_of(const http_request& what, const own_site& at) {
  // Probes of HTTP/1.0 name no host, and browsers always do.
  const bool is_probe = what.host.empty() && is_open_path(what.path);
  if (!is_probe && !is_own_name(what.host, at))
    return refused(403,
                   "this is " + at.address + ", and not '" + what.host + "'");
  // Before it is asked who that is: a page of somebody else has no browser ask
  // its user for a password, and learns nothing.
  if (what.origin.empty() ? what.is_for_another_page
                          : !is_own_page(what, at.is_secure))
    return refused(403, what.origin.empty()
                          ? std::string{"this is not for pages of others"}
                          : "this is not for pages of '" + what.origin + "'");
  if (what.is_unknown)
    return refused(401, "say who you are: a user and a password, or a token",
                   "WWW-Authenticate: Basic realm=\"Millrace\", "
                   "charset=\"UTF-8\"\r\n");
  if (what.refusal)
    return failed_response(what.refusal);
  // The session leaves the body out of the response to HEAD.
  const bool is_get = what.method == "GET" || what.method == "HEAD";
  if (!is_get && what.method != "POST")
    return refused(405, "there are GET, HEAD and POST",
                   "Allow: GET, HEAD, POST\r\n");
  if (what.path == "/query")
    return query_of(what);
  if (what.path == "/exec")
    return is_get ? exec_of(what)
                  : refused(405, "GET is for /exec", "Allow: GET, HEAD\r\n");
  if (what.path == "/publish")
    return is_get ? refused(405, "POST is for /publish", "Allow: POST\r\n")
                  : publish_of(what);
  if (!is_get)
    return refused(405, "POST is for /query and /publish",
                   "Allow: GET, HEAD\r\n");
  if (is_stream_path(what.path))
    return what.method == "GET"
             ? stream_of(what)
             : refused(405, "GET is for /stream", "Allow: GET\r\n");
  if (what.path == "/health")
    return refused(200, "ok");
  if (what.path == "/ready")
    return readiness_wish{};
  if (what.path == "/status")
    return status_wish{false};
  if (what.path == "/metrics")
    return status_wish{true};
  if (auto page = console_page(what))
    return *std::move(page);
  return refused(404, "there are /query, /stream, /publish, /status, "
                      "/metrics, /health, /ready, and / for browsers");
}

} // namespace millrace::nodes::http
