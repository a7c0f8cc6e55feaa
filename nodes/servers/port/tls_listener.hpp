#pragma once

#include <millrace/nodes/servers/port/listener.hpp>
#include <millrace/nodes/tls/renewable.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>

#include <memory>

namespace millrace::nodes {

/// What the first bytes of a connection are.
enum class tls_start {
  at_once,    ///< A handshake.
  when_asked, ///< The protocol's, until `begin_tls`.
};

/// TLS between a port and who listens to it: what that one is told of and sends
/// is plain, and what is beneath is not. Bytes for a client are sealed when the
/// network takes them, in portions, so that they are not held twice.
/// Each connection begins with the newest certificate, and keeps it.
/// @param beneath tells of nothing before a call of it returns
[[nodiscard]] std::unique_ptr<listener>
make_tls_listener(std::unique_ptr<listener> beneath,
                  std::shared_ptr<renewable<tls_identity>> by, tls_start when);

} // namespace millrace::nodes
