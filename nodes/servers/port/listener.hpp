#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace millrace::nodes {

/// Where programs of others connect.
struct listen_options {
  std::string address; ///< Of this host, as a number.
  uint16_t port = 0;
  size_t connections_max = 256; ///< At one time; others are closed at once.
  /// Clients say who they are: whose processes they are makes no difference.
  bool admits_all = false;
  /// Why the one at the other end of a socket may not connect; empty: it may.
  /// Called by a thread of the listener; null: all may.
  std::function<std::string(int socket)> refuse = {};
};

/// Of one listener; never used twice.
using connection_id = uint64_t;

// What happens on connections. Of one connection in this order: it opened, what
// it brought and took, it closed.

struct connection_opened {
  connection_id id = 0;
  std::string peer{}; ///< The address of the client, without its port.
  /// It begins with a handshake: `tls_ready` or `tls_failed` follows, or its
  /// end.
  bool shakes_hands = false;
};
/// The handshake of TLS is done: what is received from here on nobody else can
/// read or change, and so is what is sent.
struct tls_ready {
  connection_id id = 0;
  /// What binds a login to the certificate that was shown: see `tls_identity`.
  std::string end_point{};
};
/// The handshake came to nothing, or what follows it was damaged. The
/// connection is closed, and nothing more is told of it.
struct tls_failed {
  connection_id id = 0;
  error why;
};
/// The next bytes of the client; more are read after `read_on`.
struct bytes_received {
  connection_id id = 0;
  std::string bytes;
};
/// The client sends no more. It may still read.
struct input_ended {
  connection_id id = 0;
};
/// So many more of the bytes for the client went to the system.
struct bytes_sent {
  connection_id id = 0;
  size_t bytes = 0;
};
/// By the other side, by a fault, or as it was asked for.
struct connection_closed {
  connection_id id = 0;
  error why; ///< none: as it was asked for.
};
/// One could not be accepted, or was one too many.
struct connection_refused {
  error why;
};

using connection_event = std::variant<connection_opened, tls_ready, tls_failed,
                                      bytes_received, input_ended, bytes_sent,
                                      connection_closed, connection_refused>;

/// A port that is open: bytes in and out, and nothing of what they mean. Its
/// functions may be called from any thread; one of a connection that is gone
/// has no effect. The destructor closes the port and all connections, and
/// tells of none.
class listener {
public:
  using teller = std::function<void(connection_event)>;

  virtual ~listener() = default;
  /// Connections are accepted from now on. Once.
  /// @param tell called from a thread of the listener, which it must not block
  virtual void begin(teller tell) = 0;
  /// The next bytes of a connection, of which the first come unasked.
  virtual void read_on(connection_id id) = 0;
  virtual void send(connection_id id, std::string bytes) = 0;
  /// Closes a connection when all is sent.
  virtual void finish(connection_id id) = 0;
  /// Closes it now.
  virtual void drop(connection_id id) = 0;
  /// What the client sends next begins a handshake of TLS, also what is sent is
  /// by TLS from here on. To be called between `bytes_received` and `read_on`.
  /// @pre the listener is one that has a certificate
  virtual void begin_tls(connection_id) { MILLRACE_ASSERT(false); }
};

} // namespace millrace::nodes
