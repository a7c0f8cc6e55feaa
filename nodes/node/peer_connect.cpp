#include <millrace/nodes/host/local_ports.hpp>
#include <millrace/nodes/node/peer_connect.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// After the first one, with a second before it and two after it.
constexpr int more_attempts = 1;

bool is_loopback(const addrinfo& at) {
  if (at.ai_family == AF_INET) {
    const auto& four = *reinterpret_cast<const sockaddr_in*>(at.ai_addr);
    return (ntohl(four.sin_addr.s_addr) >> 24) == 127;
  }
  const auto& six = *reinterpret_cast<const sockaddr_in6*>(at.ai_addr);
  return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

begun_connection begin_at(const addrinfo& at) {
  begun_connection out;
  out.socket
    = ::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (out.socket < 0) {
    out.why = unreached_text(errno);
    return out;
  }
  (void)::setsockopt(out.socket, IPPROTO_TCP, TCP_SYNCNT, &more_attempts,
                     sizeof more_attempts);
  if (::connect(out.socket, at.ai_addr, at.ai_addrlen) == 0) {
    if (!meets_itself(out.socket)) {
      out.is_connected = true;
      return out;
    }
    errno = ECONNREFUSED;
  }
  if (errno == EINPROGRESS)
    return out;
  out.why = unreached_text(errno);
  ::close(out.socket);
  out.socket = -1;
  return out;
}

} // namespace

std::string unreached_text(int reason) {
  return reason == ECONNREFUSED ? "nothing listens there"
                                : std::strerror(reason);
}

begun_connection begin_connect(const std::string& host, uint16_t port,
                               reachable which) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  begun_connection out;
  if (const auto fault = ::getaddrinfo(
        host.c_str(), std::to_string(port).c_str(), &wanted, &found);
      fault != 0) {
    out.why = host + ": " + ::gai_strerror(fault);
    return out;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all{found,
                                                           ::freeaddrinfo};
  // A node listens at one address; a name may have one of each family.
  bool kept_here = false;
  for (const auto family : {AF_INET, AF_INET6})
    for (const auto* each = found; each != nullptr; each = each->ai_next) {
      if (each->ai_family != family)
        continue;
      if (which == reachable::loopback && !is_loopback(*each))
        kept_here = true;
      else if (out = begin_at(*each); out.socket >= 0)
        return out;
    }
  if (out.why.empty())
    out.why = kept_here
                ? host
                    + " is not this host, and processes of a cluster talk off "
                      "loopback with its certificates alone: the configuration "
                      "here needs the tls_certificate, tls_key and "
                      "tls_authority of [cluster]"
                : host + " has no address";
  out.is_refused = kept_here;
  return out;
}

} // namespace millrace::nodes
