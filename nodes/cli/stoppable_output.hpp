#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>

#include <atomic>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// Standard output, which may be a pipe that nobody reads: a write waits until
/// it is read, or until it is stopped. One writer; any thread stops it.
class stoppable_output {
public:
  /// @param signals end a wait too, and outlive it
  explicit stoppable_output(const interrupts& signals) : signals_{&signals} {}

  /// `storage_failed` when it cannot be written, `cancelled` when it was
  /// stopped, or is not read when a signal comes.
  [[nodiscard]] error write(std::string_view text);
  /// Hands on all that was written.
  [[nodiscard]] error flush();
  /// What waits, waits no longer.
  void stop() noexcept { stopped_ = true; }

private:
  const interrupts* signals_;
  std::string buffer_;
  std::atomic<bool> stopped_{false};
};

} // namespace millrace::nodes
