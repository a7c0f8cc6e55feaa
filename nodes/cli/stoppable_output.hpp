#pragma once

#include <millrace/messages/base/errors.hpp>

#include <atomic>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// Standard output, which may be a pipe that nobody reads: a write waits until
/// it is read, or until it is stopped. One writer; any thread stops it.
class stoppable_output {
public:
  /// `storage_failed` when it cannot be written, `cancelled` when it was
  /// stopped.
  [[nodiscard]] error write(std::string_view text);
  /// Hands on all that was written.
  [[nodiscard]] error flush();
  /// What waits, waits no longer.
  void stop() noexcept { stopped_ = true; }

private:
  std::string buffer_;
  std::atomic<bool> stopped_{false};
};

} // namespace millrace::nodes
