#include <millrace/nodes/cli/stoppable_output.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {
constexpr size_t buffered_max = 64 * 1024;
constexpr int look_ms = 50;
} // namespace

error stoppable_output::write(std::string_view text) {
  buffer_ += text;
  return buffer_.size() < buffered_max ? error{} : flush();
}

error stoppable_output::flush() {
  const auto failed = [](const char* what) {
    return error{errc::storage_failed, std::string{"standard output: "} + what
                                         + ": " + std::strerror(errno)};
  };
  size_t done = 0;
  while (done < buffer_.size()) {
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    const int ready = ::poll(&out, 1, look_ms);
    if (ready < 0 && errno != EINTR)
      return failed("poll");
    if (ready <= 0) {
      if (stopped_ || signals_->raised())
        return {errc::cancelled, "standard output: not read"};
      continue;
    }
    // A pipe that is ready takes this much without a wait.
    const auto part = std::min<size_t>(buffer_.size() - done, PIPE_BUF);
    const auto count = ::write(STDOUT_FILENO, buffer_.data() + done, part);
    if (count < 0 && errno != EINTR && errno != EAGAIN)
      return failed("write");
    done += static_cast<size_t>(std::max<ssize_t>(count, 0));
  }
  buffer_.clear();
  return {};
}

} // namespace millrace::nodes
