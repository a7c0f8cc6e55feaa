#pragma once

#include <atomic>
#include <memory>

namespace millrace::nodes {

/// Turns SIGINT, SIGTERM and, unless it is ignored, SIGHUP into a flag while it
/// lives; SIGPIPE is ignored. For commands only: libraries install no handlers.
/// One at a time.
class interrupts {
public:
  /// What becomes of a read or write that waits when a signal comes.
  enum class waiting : bool {
    goes_on, ///< Who waits looks for signals by himself.
    ends,    ///< With EINTR.
  };
  explicit interrupts(waiting how = waiting::goes_on);
  ~interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;
  [[nodiscard]] bool raised() const noexcept;
  /// Has a signal set this too, from now on until this goes: of who waits for
  /// bytes where nobody looks for signals. One.
  void raise_too(std::shared_ptr<std::atomic<bool>> flag);
  /// That of a command which the signal ended: 130 for ctrl-C.
  [[nodiscard]] int exit_code() const noexcept;

private:
  std::shared_ptr<std::atomic<bool>> other_;
};

} // namespace millrace::nodes
