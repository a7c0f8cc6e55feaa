#include <millrace/bench/outcome.hpp>
#include <millrace/bench/peer_server.hpp>

#include <cstring>
#include <fcntl.h>
#include <sched.h>

namespace millrace::bench {

namespace {
constexpr int64_t start_ns_max = 10'000'000'000;
constexpr size_t buffer_bytes = size_t{1} << 20;
} // namespace

result<std::vector<uint16_t>> free_ports(size_t count) {
  std::vector<listener> probes;
  std::vector<uint16_t> out;
  while (out.size() < count) {
    auto probe = listen_locally();
    if (!probe)
      return probe.failure();
    out.push_back(probe->port);
    probes.push_back(*std::move(probe));
  }
  return out;
}

result<uint16_t> free_port() {
  auto one = free_ports(1);
  if (!one)
    return one.failure();
  return one->front();
}

namespace {

/// What the command says goes to the log.
result<std::unique_ptr<child_process>>
start_logged(const std::vector<std::string>& command,
             const std::string& log_path) {
  const descriptor log{
    ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  if (log.get() < 0)
    return system_error(log_path);
  auto process
    = child_process::start(command, {.out = log.get(), .error = log.get()});
  if (!process)
    return error{errc::unavailable, process.failure().context
                                      + "; scripts/bench-peers installs it"};
  return process;
}

} // namespace

error peer_server::run(const std::vector<std::string>& command,
                       const std::string& log_path) {
  auto process = start_logged(command, log_path);
  if (!process)
    return process.failure();
  if (const auto code = (*process)->wait(); code != 0)
    return {errc::unavailable, command.front() + ": ended with "
                                 + std::to_string(code) + "; see " + log_path};
  return {};
}

result<std::unique_ptr<peer_server>>
peer_server::start(const std::vector<std::string>& command, uint16_t port,
                   const std::string& log_path) {
  auto process = start_logged(command, log_path);
  if (!process)
    return process.failure();
  std::unique_ptr<peer_server> out{new peer_server{*std::move(process)}};
  const auto give_up = now_ns() + start_ns_max;
  while (now_ns() < give_up) {
    if (auto connection = peer_socket::connect(port))
      return out;
    if (out->process_->ended())
      return error{errc::unavailable,
                   command.front() + ": ended at once; see " + log_path};
    ::sched_yield();
  }
  return error{errc::timeout, command.front() + ": does not listen at port "
                                + std::to_string(port) + " after 10 s"};
}

peer_socket::peer_socket(descriptor socket)
  : socket_{std::move(socket)}, buffer_(buffer_bytes) {}

result<std::unique_ptr<peer_socket>> peer_socket::connect(uint16_t port) {
  auto socket = connect_locally(port);
  if (!socket)
    return socket.failure();
  return std::unique_ptr<peer_socket>{new peer_socket{*std::move(socket)}};
}

error peer_socket::send(std::string_view bytes) {
  return send_all(socket_, std::as_bytes(std::span{bytes}));
}

error peer_socket::fill() {
  if (taken_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + taken_, filled_ - taken_);
    filled_ -= taken_;
    taken_ = 0;
  }
  if (filled_ == buffer_.size())
    buffer_.resize(buffer_.size() * 2);
  auto got = receive(
    socket_, std::as_writable_bytes(std::span{buffer_}.subspan(filled_)));
  if (!got)
    return got.failure();
  if (*got == 0)
    return {errc::closed, "the peer closed the connection"};
  filled_ += *got;
  return {};
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
