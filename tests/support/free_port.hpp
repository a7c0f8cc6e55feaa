#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::test_support {

/// A port of 127.0.0.1 that nobody has at this moment; 0: there is none.
inline uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* const as_any = reinterpret_cast<sockaddr*>(&at);
  const bool bound = ::bind(socket, as_any, sizeof at) == 0
                     && ::getsockname(socket, as_any, &size) == 0;
  ::close(socket);
  return bound ? ntohs(at.sin_port) : uint16_t{0};
}

} // namespace millrace::test_support
