#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/http/http_session.hpp>
#include <millrace/nodes/servers/http/websocket.hpp>
#include <millrace/nodes/users/secrets.hpp>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/detail/hybi13.hpp>
#include <optional>
#include <utility>

namespace millrace::nodes::http {

namespace {

namespace beast_http = boost::beast::http;

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f')
    return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F')
    return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

/// "a%20b+c": none when a percent sign has no two digits after it.
std::optional<std::string> decoded(std::string_view text, bool is_parameter) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && is_parameter) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const auto high
        = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
      if (!low)
        return std::nullopt;
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    }
  }
  return out;
}

/// Takes "http://localhost:8080" off a target, as proxies send them: it stands
/// for the Host header then.
bool read_authority(std::string_view& target, http_request& into) {
  constexpr std::string_view scheme = "http://";
  if (text::lower_case(target.substr(0, scheme.size())) != scheme)
    return true;
  target.remove_prefix(scheme.size());
  const auto end = std::min(target.find_first_of("/?"), target.size());
  into.host = target.substr(0, end);
  target.remove_prefix(end);
  return !into.host.empty() && into.host.find('@') == std::string::npos;
}

/// "/query?language=qsql": false when it is no such thing.
bool read_target(std::string_view target, http_request& into) {
  const bool is_absolute = !target.starts_with('/');
  if (!read_authority(target, into))
    return false;
  std::string from_root;
  if (is_absolute && (target.empty() || target.starts_with('?')))
    target = from_root.assign("/").append(target);
  const auto mark = std::min(target.find('?'), target.size());
  auto path = decoded(target.substr(0, mark), false);
  if (!path || !path->starts_with('/'))
    return false;
  into.path = *std::move(path);
  auto rest = target.substr(std::min(mark + 1, target.size()));
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto item = rest.substr(0, end);
    const auto equals = std::min(item.find('='), item.size());
    const auto key = decoded(item.substr(0, equals), true);
    const auto value
      = decoded(item.substr(std::min(equals + 1, item.size())), true);
    if (!key || !value || !into.parameters.emplace(*key, *value).second)
      return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

using fields = beast_http::fields;

/// The answer to the key of a client that asks for a WebSocket; empty: it does
/// not.
std::string accept_of(const fields& from) {
  const auto has = [&](beast_http::field name, const char* token) {
    return beast_http::token_list{from[name]}.exists(token);
  };
  constexpr size_t key_size = 24;
  const auto key = from[beast_http::field::sec_websocket_key];
  if (!has(beast_http::field::upgrade, "websocket")
      || !has(beast_http::field::connection, "upgrade")
      || from[beast_http::field::sec_websocket_version] != "13"
      || key.size() != key_size)
    return {};
  boost::beast::websocket::detail::sec_ws_accept_type out;
  boost::beast::websocket::detail::make_sec_ws_accept(out, key);
  return {out.data(), out.size()};
}

std::string_view reason_of(unsigned status) {
  return beast_http::obsolete_reason(static_cast<beast_http::status>(status))
    .data();
}

} // namespace

struct http_session::parser {
  explicit parser(const http_limits& limits) {
    in.header_limit(limits.header_bytes);
    in.body_limit(limits.body_bytes);
    in.eager(true);
  }
  beast_http::request_parser<beast_http::string_body> in;
  bool is_invited = false; ///< To send its body.
};

size_t byte_count(const http_request& of) noexcept {
  auto out = sizeof of + of.path.size() + of.host.size() + of.accept.size()
             + of.content_type.size() + of.origin.size()
             + of.if_none_match.size() + of.last_event_id.size()
             + of.body.size();
  for (const auto& [key, value] : of.parameters)
    out += sizeof key + sizeof value + key.size() + value.size();
  return out;
}

std::string response(unsigned status, std::string_view type,
                     std::string_view body, bool keeps_alive,
                     std::string_view headers) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out += reason_of(status);
  // A length would be that of the body which the client has.
  if (status != 304) {
    out += "\r\nContent-Type: ";
    out += type;
    out += "\r\nContent-Length: " + std::to_string(body.size());
  }
  if (headers.find("Cache-Control:") == headers.npos)
    out += "\r\nCache-Control: no-store";
  out += "\r\nX-Content-Type-Options: nosniff\r\n";
  out += headers;
  out += keeps_alive ? "\r\n" : "Connection: close\r\n\r\n";
  out += body;
  return out;
}

std::string http_session::no_place(size_t connections_max) {
  return response(
    503, "application/json",
    text::json_value{
      {"error", std::to_string(connections_max)
                  + " connections are open, as many as there may be "
                    "(connections_max; idle_max ends idle ones)"}}
        .dump()
      + "\n",
    false, "Retry-After: 1\r\n");
}

std::string stream_head(const http_request& of) {
  if (!of.websocket_accept.empty())
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Accept: "
           + of.websocket_accept + "\r\n\r\n";
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
         "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
         "Connection: close\r\n\r\n";
}

bool is_open_path(std::string_view path) noexcept {
  return path == "/health" || path == "/ready";
}

std::optional<login_attempt> read_authorization(std::string_view header) {
  const auto space = std::min(header.find(' '), header.size());
  const auto scheme = text::lower_case(header.substr(0, space));
  header.remove_prefix(space);
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  if (scheme == "bearer" && !header.empty())
    return login_attempt{login_way::token, {}, std::string{header}};
  if (scheme != "basic")
    return std::nullopt;
  const auto both = from_base64(header);
  const auto colon = both ? both->find(':') : std::string::npos;
  if (colon == std::string::npos)
    return std::nullopt;
  return login_attempt{login_way::password, both->substr(0, colon),
                       both->substr(colon + 1)};
}

bool is_stream_path(std::string_view path) noexcept {
  return path == "/stream";
}

http_session::http_session(http_limits limits) : limits_{limits} {}
http_session::~http_session() = default;
http_session::http_session(http_session&&) noexcept = default;
http_session& http_session::operator=(http_session&&) noexcept = default;

bool http_session::is_awaited() const noexcept {
  return parser_ || !has_asked_;
}

size_t http_session::held_bytes() const noexcept {
  return unread_.size() + (parser_ ? parser_->in.get().body().size() : 0)
         + (judged_ ? byte_count(judged_->what) : 0);
}

std::string http_session::probe() const {
  const bool can_be = !open_.empty() && open_.begin()->second.is_probed;
  return can_be ? "HTTP/1.1 100 Continue\r\n\r\n" : std::string{};
}

void http_session::refuse(unsigned status, const std::string& why) {
  parser_.reset();
  unread_.clear();
  refusal_ = {status, why};
}

void http_session::end_refused(effects& out) {
  if (ended_ || !refusal_ || !open_.empty())
    return;
  ended_ = true;
  out.emplace_back(send_bytes{
    response(refusal_->status, "text/plain", refusal_->why + "\n", false)});
  out.emplace_back(
    end_connection{errc::malformed_message, "HTTP: " + refusal_->why});
}

http_session::effects http_session::received(std::string_view bytes) {
  effects out;
  if (ended_ || refusal_ || (is_streaming() && !is_websocket_))
    return out;
  unread_ += bytes;
  if (is_websocket_)
    read_frames(out);
  else
    read(out);
  return out;
}

/// A stream takes no data; it is asked whether it is there, and closed.
void http_session::read_frames(effects& out) {
  const auto close = [&](close_code code, const std::string& why, errc as) {
    ended_ = true;
    unread_.clear();
    out.emplace_back(send_bytes{close_bytes(code, why)});
    out.emplace_back(end_connection{as, why});
  };
  while (!ended_) {
    auto frame = next_frame(unread_);
    if (!frame)
      return close(close_code::protocol_error, frame.failure().context,
                   errc::malformed_message);
    if (!*frame)
      return;
    if ((*frame)->kind == frame_kind::ping)
      out.emplace_back(
        send_bytes{frame_bytes(frame_kind::pong, (*frame)->payload)});
    else if ((*frame)->kind == frame_kind::close)
      close(close_code::normal, {}, errc::none);
    else if ((*frame)->kind != frame_kind::pong)
      close(close_code::not_taken, "a stream takes no messages",
            errc::malformed_message);
  }
}

/// What follows a request whose response does not end is not read.
void http_session::read(effects& out) {
  while (!ended_ && !refusal_ && !is_streaming() && !judged_
         && open_.size() < limits_.requests) {
    if (!parser_) {
      // Some clients end a body with an empty line.
      unread_.erase(
        0, std::min(unread_.find_first_not_of("\r\n"), unread_.size()));
      if (unread_.empty())
        break;
      parser_ = std::make_unique<parser>(limits_);
    }
    // Of no bytes Beast's parser takes a place that is none, and it takes for
    // granted that what ends a chunked body is not cut into pieces like these.
    constexpr size_t last_chunk_bytes = 5;
    const bool is_chunked
      = parser_->in.is_header_done() && parser_->in.chunked();
    if (unread_.size() < (is_chunked ? last_chunk_bytes : 1))
      break;
    boost::system::error_code fault;
    const auto taken = parser_->in.put(boost::asio::buffer(unread_), fault);
    unread_.erase(0, taken);
    if (fault == beast_http::error::need_more) {
      if (unread_.size() > limits_.header_bytes)
        refuse(431, "the headers are too long");
      break;
    }
    if (fault == beast_http::error::header_limit)
      refuse(431, "the headers are too long");
    else if (fault == beast_http::error::body_limit)
      refuse(413, "the body is too long");
    else if (fault)
      refuse(400, fault.message());
    else if (parser_->in.is_done())
      take(out);
    else if (taken == 0)
      break;
  }
  end_refused(out);
  invite(out);
}

/// A client may wait until it is told that its body is wanted; not between the
/// responses to others.
void http_session::invite(effects& out) {
  if (ended_ || !parser_ || parser_->is_invited || !open_.empty()
      || !parser_->in.is_header_done())
    return;
  const auto& from = parser_->in.get();
  if (from.version() < 11
      || !beast_http::token_list{from[beast_http::field::expect]}.exists(
        "100-continue"))
    return;
  parser_->is_invited = true;
  out.emplace_back(send_bytes{"HTTP/1.1 100 Continue\r\n\r\n"});
}

void http_session::take(effects& out) {
  auto& from = parser_->in.get();
  const auto header = [&](beast_http::field name) {
    return std::string{from[name].data(), from[name].size()};
  };
  http_request made;
  made.method = {from.method_string().data(), from.method_string().size()};
  made.host = header(beast_http::field::host);
  made.accept = header(beast_http::field::accept);
  made.content_type = header(beast_http::field::content_type);
  made.origin = header(beast_http::field::origin);
  const auto site = from["Sec-Fetch-Site"];
  made.is_for_another_page = (site == "cross-site" || site == "same-site")
                             && !(from["Sec-Fetch-Mode"] == "navigate"
                                  && from["Sec-Fetch-Dest"] == "document");
  const auto place = from["Last-Event-ID"];
  made.last_event_id = {place.data(), place.size()};
  made.if_none_match = header(beast_http::field::if_none_match);
  made.keeps_alive = from.keep_alive();
  const bool is_read
    = read_target({from.target().data(), from.target().size()}, made);
  const bool is_stream = is_stream_path(made.path);
  if (is_stream) {
    made.websocket_accept = accept_of(from);
    made.keeps_alive = false;
  }
  made.body = std::move(from.body());
  auto authorization = header(beast_http::field::authorization);
  const auto hosts = from.count(beast_http::field::host);
  const bool is_probed = from.version() >= 11;
  const bool asks_for_websocket
    = is_stream
      && beast_http::token_list{from[beast_http::field::upgrade]}.exists(
        "websocket");
  parser_.reset();
  has_asked_ = true;
  if (!is_read)
    return refuse(400, "the target cannot be read");
  if (hosts > 1)
    return refuse(400, "there are several Host headers");
  if (asks_for_websocket && made.websocket_accept.empty())
    return refuse(400, "a WebSocket begins with version 13, and a key of 24 "
                       "characters");
  unjudged_request next{
    std::move(made), is_probed && !is_stream, std::move(authorization), {}};
  if (limits_.asks_login && !is_open_path(next.what.path))
    return log_in(std::move(next), out);
  pass_on(std::move(next), out);
}

/// A connection proves once who it is: what it said then counts for what
/// follows.
void http_session::log_in(unjudged_request made, effects& out) {
  if (!made.authorization.empty()
      && is_same_secret(made.authorization, authorization_)) {
    made.what.user = user_;
    return pass_on(std::move(made), out);
  }
  auto said = read_authorization(made.authorization);
  if (!said) {
    made.what.is_unknown = true;
    return pass_on(std::move(made), out);
  }
  made.user = said->user;
  judged_ = std::move(made);
  out.emplace_back(*std::move(said));
}

http_session::effects http_session::judged(const login_verdict& what) {
  effects out;
  if (!judged_ || ended_)
    return out;
  auto made = *std::exchange(judged_, std::nullopt);
  if (!what.fault)
    out.emplace_back(
      login_told{what.is_accepted ? what.user : made.user, what.is_accepted});
  made.what.is_unknown = !what.is_accepted && what.fault.code != errc::busy;
  if (what.fault.code == errc::busy)
    made.what.refusal = what.fault;
  if (what.is_accepted) {
    user_ = what.user;
    authorization_ = std::move(made.authorization);
    made.what.user = user_;
  }
  pass_on(std::move(made), out);
  read(out);
  return out;
}

void http_session::pass_on(unjudged_request made, effects& out) {
  auto& what = made.what;
  const bool is_stream = is_stream_path(what.path) && !what.is_unknown;
  if (!is_stream)
    what.websocket_accept.clear();
  is_websocket_ = !what.websocket_accept.empty();
  open_.emplace(next_id_, open_request{what.keeps_alive, what.method == "HEAD",
                                       made.is_probed, is_stream});
  out.emplace_back(
    handle_request<http_request>{next_id_++, true, std::move(what)});
}

http_session::effects http_session::answered(uint64_t id, std::string message) {
  effects out;
  const auto found = open_.extract(id);
  if (!found || ended_)
    return out;
  is_websocket_ = false;
  if (found.mapped().is_head)
    if (const auto end = message.find("\r\n\r\n"); end != message.npos)
      message.resize(end + 4);
  out.emplace_back(send_bytes{std::move(message)});
  if (!found.mapped().keeps_alive) {
    ended_ = true;
    out.emplace_back(end_connection{});
  }
  read(out);
  return out;
}

} // namespace millrace::nodes::http
