#pragma once

#include <millrace/bench/local_socket.hpp>
#include <millrace/messages/base/result.hpp>

#include <memory>
#include <string>
#include <sys/types.h>

namespace millrace::bench {

/// A directory of this run alone, below $MILLRACE_BENCH_DIR or the one for
/// temporary files. A process of its own removes it when this object or this
/// process ends, be it by a signal.
class scratch {
public:
  /// @pre this process has one thread.
  [[nodiscard]] static result<std::unique_ptr<scratch>> create();
  ~scratch(); ///< Waits until it is removed.
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  scratch(std::string path, descriptor alive, pid_t remover)
    : path_{std::move(path)}, alive_{std::move(alive)}, remover_{remover} {}

  std::string path_;
  descriptor alive_;
  pid_t remover_;
};

} // namespace millrace::bench
