#pragma once

#include <millrace/nodes/servers/kdb/codec.hpp>
#include <millrace/nodes/servers/port/session_effects.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes::kdb {

using handle_request = nodes::handle_request<value>;
using session_effects = session_effects_of<value>;

struct session_limits {
  uint32_t message_bytes = message_bytes_max;
  size_t login_bytes = 64 * 1024;
  /// Questions that were not answered yet.
  size_t requests = 64;
  /// A client is what it says only when its password is.
  bool asks_login = false;
  /// Where browsers are sent to, "http://127.0.0.1:8080"; empty: nowhere.
  std::string http_place{};
};

/// A response; a failure, also of its own size, becomes an error with its text.
[[nodiscard]] std::string answer_message(const result<value>& answer);

/// One connection of a kdb+ client: its login, then messages. Answers go in the
/// order of the questions, whenever they are ready. Holds at most one message
/// that is not whole, and `requests` answers that wait for one before them.
/// A client of text (`qcon`) sends its question with its login, and gets its
/// answer as it is to be shown.
class session {
public:
  using request_type = value;
  using limits_type = session_limits;

  explicit session(session_limits limits = {}) : limits_{limits} {}

  /// More bytes of the client.
  [[nodiscard]] session_effects received(std::string_view bytes);

  /// Whether it is who it says.
  [[nodiscard]] session_effects judged(const login_verdict& what);

  /// What came of a request that wants an answer; a failure becomes an error
  /// with its text.
  [[nodiscard]] session_effects answered(uint64_t id, result<value> answer);
  /// The same as a whole message; of a client of text, as its text.
  [[nodiscard]] session_effects answered(uint64_t id, std::string message);

  /// Whether something that it began to send is not there yet: it has a time
  /// for that.
  [[nodiscard]] bool is_awaited() const noexcept {
    return !logged_in_ && !is_judged_;
  }
  /// Whether its login is done.
  [[nodiscard]] bool has_begun() const noexcept { return logged_in_; }
  /// Who said that it is, without its password; empty before the login.
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] bool is_text() const noexcept { return is_text_; }
  /// Whether it may send no more, and read on.
  [[nodiscard]] bool reads_on() const noexcept { return is_text_; }
  /// What both ends know: 1: timestamps and timespans, 3: guids.
  [[nodiscard]] char capability() const noexcept { return capability_; }
  /// Bytes that it holds: of a message that is not whole, of answers that wait.
  [[nodiscard]] size_t held_bytes() const noexcept;

private:
  struct waiting_answer {
    uint64_t id = 0;
    std::optional<std::string> message;
  };

  void log_in(session_effects& out);
  /// Whether it is no client of kdb+: it is told so, once that is known.
  [[nodiscard]] bool is_of_another_protocol(session_effects& out);
  void begin(session_effects& out);
  void take_unread(session_effects& out);
  void take_messages(session_effects& out);
  void take_text(session_effects& out);
  void take(std::string_view message, message_kind kind, session_effects& out);
  void end(errc why, std::string text, session_effects& out);

  session_limits limits_;
  std::string user_;
  char capability_ = 0;
  bool says_capability_ = false;
  bool is_judged_ = false; ///< The verdict on its password is awaited.
  bool logged_in_ = false;
  bool is_text_ = false;
  bool ended_ = false;
  std::string unread_;
  std::deque<waiting_answer> waiting_;
  uint64_t next_id_ = 1;
};

} // namespace millrace::nodes::kdb
