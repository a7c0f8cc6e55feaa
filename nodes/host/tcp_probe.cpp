#include <millrace/nodes/host/local_ports.hpp>
#include <millrace/nodes/host/tcp_probe.hpp>

#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

constexpr int connect_ms_max = 1'000;

bool accepts(const addrinfo& at) {
  const int opened
    = ::socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (opened == -1)
    return false;
  bool good = ::connect(opened, at.ai_addr, at.ai_addrlen) == 0;
  pollfd waited{opened, POLLOUT, 0};
  if (!good && ::poll(&waited, 1, connect_ms_max) == 1) {
    int fault = 0;
    socklen_t size = sizeof fault;
    good = ::getsockopt(opened, SOL_SOCKET, SO_ERROR, &fault, &size) == 0
           && fault == 0;
  }
  good = good && !meets_itself(opened);
  ::close(opened);
  return good;
}

} // namespace

bool listens_at(const std::string& host, uint16_t port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found)
      != 0)
    return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all{found,
                                                           ::freeaddrinfo};
  for (const auto* each = found; each != nullptr; each = each->ai_next)
    if (accepts(*each))
      return true;
  return false;
}

} // namespace millrace::nodes
