#include <millrace/nodes/host/local_ports.hpp>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <sys/socket.h>

namespace millrace::nodes {

bool is_given_to_connections(uint16_t port) {
  unsigned first = 0;
  unsigned last = 0;
  std::ifstream range{"/proc/sys/net/ipv4/ip_local_port_range"};
  if (!(range >> first >> last) || port < first || port > last)
    return false;
  // "7401-7404,8080"
  std::ifstream reserved{"/proc/sys/net/ipv4/ip_local_reserved_ports"};
  for (std::string each; std::getline(reserved, each, ',');) {
    unsigned from = 0;
    unsigned to = 0;
    const auto read = std::sscanf(each.c_str(), "%u-%u", &from, &to);
    if (read >= 1 && port >= from && port <= (read == 2 ? to : from))
      return false;
  }
  return true;
}

bool meets_itself(int socket) noexcept {
  sockaddr_storage here{};
  sockaddr_storage there{};
  socklen_t here_bytes = sizeof here;
  socklen_t there_bytes = sizeof there;
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&here), &here_bytes)
           == 0
         && ::getpeername(socket, reinterpret_cast<sockaddr*>(&there),
                          &there_bytes)
              == 0
         && here_bytes == there_bytes
         && std::memcmp(&here, &there, here_bytes) == 0;
}

} // namespace millrace::nodes
