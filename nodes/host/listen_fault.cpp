#include <millrace/nodes/host/listen_fault.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// errno of a socket that listens there, with CAF's options; 0: it can.
int try_to_listen(const std::string& address, uint16_t port) {
  sockaddr_in four{};
  sockaddr_in6 six{};
  four.sin_family = AF_INET;
  six.sin6_family = AF_INET6;
  four.sin_port = six.sin6_port = htons(port);
  const bool is_four = inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1;
  if (!is_four && inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) != 1)
    return EADDRNOTAVAIL;
  const auto* name = is_four ? reinterpret_cast<const sockaddr*>(&four)
                             : reinterpret_cast<const sockaddr*>(&six);
  const auto size = static_cast<socklen_t>(is_four ? sizeof four : sizeof six);
  const int made
    = ::socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made == -1)
    return errno;
  const int on = 1;
  int fault = 0;
  if (::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1
      || ::bind(made, name, size) == -1 || ::listen(made, 1) == -1)
    fault = errno;
  ::close(made);
  return fault;
}

} // namespace

error listen_fault(const std::string& address, uint16_t port) {
  const auto at = address + ":" + std::to_string(port);
  switch (const auto fault = try_to_listen(address, port)) {
    case 0:
      return {errc::unavailable, "cannot listen on " + at
                                   + ": it was refused, and is free by now"};
    case EADDRINUSE:
      return {errc::locked, "port " + std::to_string(port) + " of " + address
                              + " is in use by another process"};
    default:
      return {fault == EACCES || fault == EPERM ? errc::permission
                                                : errc::unavailable,
              "cannot listen on " + at + ": "
                + std::generic_category().message(fault)};
  }
}

} // namespace millrace::nodes
