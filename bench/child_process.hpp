#pragma once

#include <millrace/bench/local_socket.hpp>
#include <millrace/messages/base/result.hpp>

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace millrace::bench {

/// A process that this one starts. Its destructor ends it, and so does the end
/// of the thread that started it, however that comes about.
class child_process {
public:
  /// What becomes its descriptors 0, 1 and 2; -1: it has those of this process.
  struct files {
    int in = -1;
    int out = -1;
    int error = -1;
  };
  /// `command` is found on the path. `unavailable` when it does not start.
  [[nodiscard]] static result<std::unique_ptr<child_process>>
  start(const std::vector<std::string>& command, const files& standard);
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  [[nodiscard]] bool ended() noexcept;
  /// Waits for its end. @returns its exit code, or minus the signal
  int wait() noexcept;
  /// Asks it to end, as ctrl-C does, and waits.
  void interrupt() noexcept;
  /// It stands still from now on.
  void stop() noexcept;

private:
  explicit child_process(pid_t child) : child_{child} {}
  pid_t child_;
};

} // namespace millrace::bench
