#pragma once

#include <millrace/messages/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace millrace::bench {

/// A port on this host that nobody listens at now.
[[nodiscard]] result<uint16_t> free_port();

/// A peer's server as a child process; its destructor ends it.
class peer_server {
public:
  /// Starts `command`, found on the path, and waits until `port` takes
  /// connections. `unavailable` says how to install a missing program.
  [[nodiscard]] static result<std::unique_ptr<peer_server>>
  start(const std::vector<std::string>& command, uint16_t port,
        const std::string& log_path);
  ~peer_server();
  peer_server(const peer_server&) = delete;
  peer_server& operator=(const peer_server&) = delete;

private:
  explicit peer_server(pid_t child) : child_{child} {}
  pid_t child_;
};

/// A TCP connection to this host. One thread sends, one receives.
class peer_socket {
public:
  [[nodiscard]] static result<std::unique_ptr<peer_socket>>
  connect(uint16_t port);
  ~peer_socket();
  peer_socket(const peer_socket&) = delete;
  peer_socket& operator=(const peer_socket&) = delete;

  [[nodiscard]] error send(std::string_view bytes);
  /// A line without its end. Views hold until the next call.
  [[nodiscard]] result<std::string_view> line();
  /// Exactly `size` bytes.
  [[nodiscard]] result<std::string_view> bytes(size_t size);

private:
  explicit peer_socket(int descriptor);
  error fill();

  int descriptor_;
  std::vector<char> buffer_;
  size_t taken_ = 0;
  size_t filled_ = 0;
};

} // namespace millrace::bench
