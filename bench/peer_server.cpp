#include <millrace/bench/outcome.hpp>
#include <millrace/bench/peer_server.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace millrace::bench {

namespace {

constexpr int64_t start_ns_max = 10'000'000'000;
constexpr size_t buffer_bytes = size_t{1} << 20;

error system_error(const std::string& what) {
  return {errc::unavailable, what + ": " + std::strerror(errno)};
}

sockaddr_in local_address(uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

} // namespace

result<uint16_t> free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0)
    return system_error("socket");
  auto address = local_address(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = ::bind(probe, generic, size) == 0
                     && ::getsockname(probe, generic, &size) == 0;
  const auto fault = bound ? error{} : system_error("bind");
  ::close(probe);
  if (fault)
    return fault;
  return ntohs(address.sin_port);
}

result<std::unique_ptr<peer_server>>
peer_server::start(const std::vector<std::string>& command, uint16_t port,
                   const std::string& log_path) {
  std::vector<char*> arguments;
  for (const auto& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_path.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int outcome = ::posix_spawnp(&child, arguments[0], &files, nullptr,
                                     arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (outcome != 0)
    return error{errc::unavailable, command.front() + ": "
                                      + std::strerror(outcome)
                                      + "; scripts/bench-peers installs it"};
  std::unique_ptr<peer_server> out{new peer_server{child}};
  const auto give_up = now_ns() + start_ns_max;
  while (now_ns() < give_up) {
    if (auto connection = peer_socket::connect(port))
      return out;
    if (::waitpid(child, nullptr, WNOHANG) == child) {
      out->child_ = 0;
      return error{errc::unavailable,
                   command.front() + ": ended at once; see " + log_path};
    }
    ::sched_yield();
  }
  return error{errc::timeout, command.front() + ": does not listen at port "
                                + std::to_string(port) + " after 10 s"};
}

peer_server::~peer_server() {
  if (child_ == 0)
    return;
  ::kill(child_, SIGKILL);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

peer_socket::peer_socket(int descriptor)
  : descriptor_{descriptor}, buffer_(buffer_bytes) {}

peer_socket::~peer_socket() { ::close(descriptor_); }

result<std::unique_ptr<peer_socket>> peer_socket::connect(uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return system_error("socket");
  const auto address = local_address(port);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address),
                sizeof address)
      != 0) {
    auto fault = system_error("port " + std::to_string(port));
    ::close(descriptor);
    return fault;
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return std::unique_ptr<peer_socket>{new peer_socket{descriptor}};
}

error peer_socket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent
      = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return system_error("send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

error peer_socket::fill() {
  if (taken_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + taken_, filled_ - taken_);
    filled_ -= taken_;
    taken_ = 0;
  }
  if (filled_ == buffer_.size())
    buffer_.resize(buffer_.size() * 2);
  for (;;) {
    const auto got = ::recv(descriptor_, buffer_.data() + filled_,
                            buffer_.size() - filled_, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return system_error("receive");
    if (got == 0)
      return {errc::closed, "the peer closed the connection"};
    filled_ += static_cast<size_t>(got);
    return {};
  }
}

result<std::string_view> peer_socket::line() {
  size_t searched = 0;
  for (;;) {
    const std::string_view held{buffer_.data() + taken_, filled_ - taken_};
    if (const auto end = held.find("\r\n", searched);
        end != std::string_view::npos) {
      taken_ += end + 2;
      return held.substr(0, end);
    }
    searched = held.empty() ? 0 : held.size() - 1;
    if (auto fault = fill())
      return fault;
  }
}

result<std::string_view> peer_socket::bytes(size_t size) {
  while (filled_ - taken_ < size)
    if (auto fault = fill())
      return fault;
  const std::string_view out{buffer_.data() + taken_, size};
  taken_ += size;
  return out;
}

} // namespace millrace::bench
