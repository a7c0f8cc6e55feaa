#pragma once

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// A connection that begins.
struct begun_connection {
  int socket = -1; ///< Does not block; -1: see `why`.
  bool is_connected = false;
  bool is_refused = false; ///< It may not be connected to, as `why` says.
  std::string why;
};

/// Which addresses may be connected to: what is said in the clear stays on this
/// host, whatever a name of a host is resolved to.
enum class reachable : uint8_t { loopback, any };

/// Begins to connect, and does not wait for it: where nobody answers, the
/// system gives up after some three seconds. Names of hosts are resolved first,
/// which may block; addresses are not.
[[nodiscard]] begun_connection begin_connect(const std::string& host,
                                             uint16_t port, reachable which);

/// What it means that a connection could not be made.
/// @param reason of errno
[[nodiscard]] std::string unreached_text(int reason);

} // namespace millrace::nodes
