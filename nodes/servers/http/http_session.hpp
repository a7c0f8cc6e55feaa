#pragma once

#include <millrace/nodes/servers/port/session_effects.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::nodes::http {

/// A whole request.
struct http_request {
  std::string method;                            ///< "GET"
  std::string path;                              ///< "/query", decoded.
  std::map<std::string, std::string> parameters; ///< What follows "?".
  std::string host;
  std::string accept;
  std::string content_type;
  std::string origin; ///< Of the page that a browser asks for.
  /// A browser says that it loads this for a page of another origin, which it
  /// need not name: a picture, a script, a frame. Not of a link that is
  /// followed.
  bool is_for_another_page = false;
  std::string last_event_id; ///< Where a stream of events broke off.
  /// Not empty: the client wants a WebSocket, for which this is the answer.
  std::string websocket_accept;
  std::string if_none_match; ///< What the client has already.
  std::string body;
  bool keeps_alive = true;
  /// Who logged in; empty: nobody had to.
  std::string user{};
  /// Why it is not answered as it asks: the client must say who it is.
  bool is_unknown = false;
  /// Why it is not answered, no matter whose it is; none: it is.
  error refusal{};
  friend bool operator==(const http_request&, const http_request&) = default;
};

[[nodiscard]] size_t byte_count(const http_request& of) noexcept;

struct http_limits {
  uint32_t header_bytes = 16 * 1024;
  uint64_t body_bytes = 1024 * 1024;
  /// Requests that are read ahead; what follows them is read when one of them
  /// is answered.
  size_t requests = 16;
  /// A request is of the user that its Authorization names, and proves.
  bool asks_login = false;
};

/// Whether a path is answered to whom nobody knows: it tells that a port is
/// there, and nothing else.
[[nodiscard]] bool is_open_path(std::string_view path) noexcept;

/// "Basic YWRhOng=", "Bearer mrt_..."; none: it is neither.
[[nodiscard]] std::optional<login_attempt>
read_authorization(std::string_view header);

/// The bytes of a response. Nobody may keep it, unless `headers` has a
/// Cache-Control of its own.
/// @param headers lines that end with CRLF
[[nodiscard]] std::string response(unsigned status, std::string_view type,
                                   std::string_view body, bool keeps_alive,
                                   std::string_view headers = {});

/// The beginning of a response without an end.
[[nodiscard]] std::string stream_head(const http_request& of);

/// Whether the response to this path goes on until the client goes.
[[nodiscard]] bool is_stream_path(std::string_view path) noexcept;

/// One connection of an HTTP/1.1 client.
class http_session {
public:
  using request_type = http_request;
  using limits_type = http_limits;
  using effects = session_effects_of<http_request>;

  explicit http_session(http_limits limits = {});
  ~http_session();
  http_session(http_session&&) noexcept;
  http_session& operator=(http_session&&) noexcept;

  /// More bytes of the client.
  [[nodiscard]] effects received(std::string_view bytes);
  /// The response to a request.
  [[nodiscard]] effects answered(uint64_t id, std::string message);

  /// Whether the client of the last request is who it says.
  [[nodiscard]] effects judged(const login_verdict& what);

  /// What one more client is told than there may be.
  [[nodiscard]] static std::string no_place(size_t connections_max);
  /// A request began, and is not whole; or none has begun.
  [[nodiscard]] bool is_awaited() const noexcept;
  [[nodiscard]] std::string user() const { return user_; }
  [[nodiscard]] bool reads_on() const noexcept { return !is_streaming(); }
  /// An interim response, which every client of HTTP/1.1 passes over: whether
  /// one that sends no more still reads shows when it is sent. Empty: none can
  /// be sent now.
  [[nodiscard]] std::string probe() const;
  [[nodiscard]] size_t held_bytes() const noexcept;

private:
  struct parser;
  struct open_request {
    bool keeps_alive = true; ///< The connection lasts after it.
    bool is_head = false;    ///< Its response has no body.
    bool is_probed = false;  ///< It may have an interim response.
    bool is_stream = false;  ///< Its response goes on, until the client goes.
  };
  struct unjudged_request {
    http_request what;
    bool is_probed = false;
    std::string authorization;
    std::string user; ///< As that says.
  };
  struct refusal {
    unsigned status = 400;
    std::string why;
  };

  /// The last request was for a stream: nothing comes after its response.
  [[nodiscard]] bool is_streaming() const noexcept {
    return !open_.empty() && open_.rbegin()->second.is_stream;
  }
  void read(effects& out);
  void read_frames(effects& out);
  void take(effects& out);
  void log_in(unjudged_request made, effects& out);
  void pass_on(unjudged_request made, effects& out);
  void invite(effects& out);
  void refuse(unsigned status, const std::string& why);
  void end_refused(effects& out);

  http_limits limits_;
  std::unique_ptr<parser> parser_; ///< Null: between requests.
  std::string unread_;
  std::map<uint64_t, open_request> open_;
  uint64_t next_id_ = 1;
  std::optional<refusal> refusal_; ///< Said once all before it is answered.
  bool has_asked_ = false;
  std::string user_;                       ///< Who logged in last.
  std::string authorization_;              ///< By this header.
  std::optional<unjudged_request> judged_; ///< It waits for its verdict.
  bool is_websocket_ = false;              ///< What comes now are frames.
  bool ended_ = false;
};

} // namespace millrace::nodes::http
