#include <millrace/nodes/host/standard_descriptors.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace millrace::nodes {

error hold_standard_descriptors() {
  for (const auto& [number, mode] : {std::pair{STDIN_FILENO, O_WRONLY},
                                     {STDOUT_FILENO, O_RDONLY},
                                     {STDERR_FILENO, O_WRONLY}}) {
    if (::fcntl(number, F_GETFD) != -1 || errno != EBADF)
      continue;
    // The lowest number that is free: those below it are held by now.
    if (::open("/dev/null", mode) != number)
      return {errc::storage_failed, "descriptor " + std::to_string(number)
                                      + " is closed, and /dev/null cannot be "
                                        "opened for it: "
                                      + std::strerror(errno)};
  }
  return {};
}

} // namespace millrace::nodes
