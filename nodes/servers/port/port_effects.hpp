#pragma once

#include <millrace/nodes/servers/port/listener.hpp>
#include <millrace/nodes/servers/port/session_effects.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace millrace::nodes {

// What is to be done.

struct send_to {
  connection_id to = 0;
  std::string bytes;
};
struct read_on {
  connection_id from = 0;
};
struct finish_connection {
  connection_id which = 0;
};
struct drop_connection {
  connection_id which = 0;
};
/// `tls_ready` or `tls_failed` follows.
struct begin_tls_of {
  connection_id which = 0;
};
/// A request; `answered` follows, also when it wants no answer. The next one of
/// this connection comes after that.
template <class What>
struct take_up {
  connection_id from = 0;
  uint64_t request = 0;
  bool wants_answer = true;
  What what;
};
/// The client is gone: nobody wants what it asked for last.
struct give_up {
  connection_id from = 0;
};
/// A client says who it is; `judged` follows.
struct login_asked {
  connection_id from = 0;
  std::string peer;
  login_attempt what;
};
/// What came of that.
struct login_ended {
  connection_id from = 0;
  std::string peer;
  login_told what;
};
/// For the log.
struct tell_of {
  std::string id;
  std::string text;
  std::string about{}; ///< A line about another one does not hold it back.
};

struct port_facts {
  size_t connections = 0;
  uint64_t connections_total = 0;
  /// Not accepted, not logged in, or ended for what it did.
  uint64_t refused = 0;
  std::string last_refusal;
  uint64_t requests = 0;
  uint64_t failed = 0; ///< Of these, answered by an error.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t held_bytes = 0;
  /// Of the connections, those that for a minute neither asked nor were
  /// answered nor subscribed to anything.
  size_t idle = 0;
  uint64_t idle_ended = 0; ///< For being idle longer than they may.
  uint64_t logins = 0;
  uint64_t logins_failed = 0;   ///< A wrong password, or an unknown user.
  uint64_t tls_connections = 0; ///< Those whose handshakes were done.
  uint64_t tls_failed = 0;      ///< Handshakes that were not, and damage after.
};

} // namespace millrace::nodes
