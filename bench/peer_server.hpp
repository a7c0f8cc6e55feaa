#pragma once

#include <millrace/bench/child_process.hpp>
#include <millrace/bench/local_socket.hpp>
#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::bench {

/// Ports on this host that nobody listens at now, each another one.
[[nodiscard]] result<std::vector<uint16_t>> free_ports(size_t count);
/// One of them.
[[nodiscard]] result<uint16_t> free_port();

/// A peer's server as a child process, which ends with this object.
class peer_server {
public:
  /// Starts `command`, found on the path, and waits until `port` takes
  /// connections. `unavailable` says how to install a missing program.
  [[nodiscard]] static result<std::unique_ptr<peer_server>>
  start(const std::vector<std::string>& command, uint16_t port,
        const std::string& log_path);
  /// Runs a command that ends by itself. `unavailable` when it does not end
  /// well, and names its log.
  [[nodiscard]] static error run(const std::vector<std::string>& command,
                                 const std::string& log_path);
  /// Asks it to end, as ctrl-C does, and waits.
  void interrupt() noexcept { process_->interrupt(); }

private:
  explicit peer_server(std::unique_ptr<child_process> process)
    : process_{std::move(process)} {}
  std::unique_ptr<child_process> process_;
};

/// A TCP connection to this host. One thread sends, one receives.
class peer_socket {
public:
  [[nodiscard]] static result<std::unique_ptr<peer_socket>>
  connect(uint16_t port);
  [[nodiscard]] error send(std::string_view bytes);
  /// A line without its end. Views hold until the next call.
  [[nodiscard]] result<std::string_view> line();
  /// Exactly `size` bytes.
  [[nodiscard]] result<std::string_view> bytes(size_t size);

private:
  explicit peer_socket(descriptor socket);
  error fill();

  descriptor socket_;
  std::vector<char> buffer_;
  size_t taken_ = 0;
  size_t filled_ = 0;
};

} // namespace millrace::bench
