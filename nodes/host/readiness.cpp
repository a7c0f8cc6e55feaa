#include <millrace/nodes/host/readiness.hpp>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <signal.h>
#include <string_view>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// The pipe of `millrace up`.
error tell_supervisor() {
  const char* variable = std::getenv(ready_variable);
  if (!variable)
    return {};
  const std::string_view text{variable};
  int descriptor = -1;
  const auto [stop, fault]
    = std::from_chars(text.data(), text.data() + text.size(), descriptor);
  if (fault != std::errc{} || stop != text.data() + text.size()
      || descriptor < 0)
    return {errc::config, std::string{ready_variable} + ": '"
                            + std::string{text} + "' is not a descriptor"};
  // The supervisor may have given up: an error then, not a signal.
  sigset_t pipe_only;
  sigset_t before;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
  const auto written = ::write(descriptor, "ready\n", 6);
  const auto reason = errno;
  if (written != 6) {
    const timespec now{};
    sigtimedwait(&pipe_only, nullptr, &now);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(descriptor);
  if (written != 6)
    return {errc::storage_failed,
            std::string{"telling the supervisor: "} + std::strerror(reason)};
  return {};
}

error tell_systemd() {
  // Nothing is said where systemd does not wait.
  if (const int said = ::sd_notify(0, "READY=1"); said < 0)
    return {errc::storage_failed,
            std::string{"telling systemd: "} + std::strerror(-said)};
  return {};
}

} // namespace

error notify_ready() {
  static std::atomic_flag told;
  if (told.test_and_set())
    return {};
  const auto unheard = tell_systemd();
  const auto unread = tell_supervisor();
  return unread ? unread : unheard;
}

} // namespace millrace::nodes
