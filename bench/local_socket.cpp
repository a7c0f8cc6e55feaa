#include <millrace/bench/local_socket.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

/// A peer that says nothing for so long has stopped.
constexpr timeval silence_max{60, 0};

sockaddr_in local_address(uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

descriptor new_socket() {
  return descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
}

void send_at_once(const descriptor& socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Calls `put(bytes)` until all are taken.
template <class Put>
error put_all(std::span<const std::byte> bytes, const char* what, Put put) {
  while (!bytes.empty()) {
    const auto taken = put(bytes);
    if (taken < 0 && errno == EINTR)
      continue;
    if (taken < 0)
      return system_error(what);
    bytes = bytes.subspan(static_cast<size_t>(taken));
  }
  return {};
}

} // namespace

descriptor::~descriptor() {
  if (number_ >= 0)
    ::close(number_);
}

error system_error(const std::string& what) {
  return {errc::unavailable, what + ": " + std::strerror(errno)};
}

result<listener> listen_locally() {
  listener out{new_socket()};
  auto address = local_address(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(out.socket.get(), generic, size) != 0
      || ::listen(out.socket.get(), 4) != 0
      || ::getsockname(out.socket.get(), generic, &size) != 0)
    return system_error("listen");
  out.port = ntohs(address.sin_port);
  return out;
}

result<descriptor> accept_one(const listener& from) {
  for (;;) {
    descriptor out{
      ::accept4(from.socket.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (out.get() < 0 && errno == EINTR)
      continue;
    if (out.get() < 0)
      return system_error("accept");
    send_at_once(out);
    return out;
  }
}

result<descriptor> connect_locally(uint16_t port) {
  auto out = new_socket();
  const auto address = local_address(port);
  if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof address)
      != 0)
    return system_error("port " + std::to_string(port));
  send_at_once(out);
  ::setsockopt(out.get(), SOL_SOCKET, SO_RCVTIMEO, &silence_max,
               sizeof silence_max);
  return out;
}

error send_all(const descriptor& to, std::span<const std::byte> bytes) {
  return put_all(bytes, "send", [&](auto rest) {
    return ::send(to.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  });
}

error write_all(const descriptor& to, std::span<const std::byte> bytes) {
  return put_all(bytes, "write", [&](auto rest) {
    return ::write(to.get(), rest.data(), rest.size());
  });
}

result<size_t> receive(const descriptor& from, std::span<std::byte> into) {
  for (;;) {
    const auto got = ::recv(from.get(), into.data(), into.size(), 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 && errno == EAGAIN)
      return error{errc::timeout, "nothing came for "
                                    + std::to_string(silence_max.tv_sec)
                                    + " s"};
    if (got < 0)
      return system_error("receive");
    return static_cast<size_t>(got);
  }
}

} // namespace millrace::bench
