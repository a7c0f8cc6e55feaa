#pragma once

#include <cstdint>

namespace millrace::nodes {

/// Whether the system gives this port to connections that go out
/// (net.ipv4.ip_local_port_range without net.ipv4.ip_local_reserved_ports, of
/// Linux): one of them may have it when somebody is to listen there. False
/// where the system does not say.
[[nodiscard]] bool is_given_to_connections(uint16_t port);

/// What to do about that.
inline constexpr auto port_advice
  = "it is one of those that the system gives to connections which go out "
    "(net.ipv4.ip_local_port_range): choose another one, below 32768 as a "
    "rule, or reserve it (net.ipv4.ip_local_reserved_ports)";

/// A connection whose two ends are one socket: where nobody listens at a port
/// that is_given_to_connections, a connection to it may be given that port for
/// its own end, and meets itself.
[[nodiscard]] bool meets_itself(int socket) noexcept;

} // namespace millrace::nodes
