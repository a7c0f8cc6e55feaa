#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/users/login.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

// What a session, the bytes of one connection and what they mean, comes to.

namespace millrace::nodes {

/// Bytes for the client, in order.
struct send_bytes {
  std::string bytes;
  friend bool operator==(const send_bytes&, const send_bytes&) = default;
};

/// Something is asked, or published.
template <class What>
struct handle_request {
  uint64_t id = 0;
  bool wants_answer = true; ///< false: nothing is sent, whatever comes of it.
  What what;
  friend bool operator==(const handle_request&, const handle_request&)
    = default;
};

/// The connection ends once what was to be sent is sent.
struct end_connection {
  errc why = errc::none; ///< none: the client went, or has its answer.
  std::string text;
  friend bool operator==(const end_connection&, const end_connection&)
    = default;
};

/// What the client sends from here on is by TLS, and what is sent after the
/// effects before this one.
struct start_tls {
  friend bool operator==(const start_tls&, const start_tls&) = default;
};

/// A `login_attempt` is followed by its verdict, a `login_told` by nothing.
template <class What>
using session_effects_of
  = std::vector<std::variant<send_bytes, handle_request<What>, end_connection,
                             login_attempt, login_told, start_tls>>;

} // namespace millrace::nodes
