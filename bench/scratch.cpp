#include <millrace/bench/scratch.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

constexpr int attempts_max = 500;

/// Removes `path` once nobody holds the other end of `alive` any more.
void remove_after_end(int alive, const std::string& path) {
  // Out of reach of what ends a whole group of processes.
  ::setsid();
  std::signal(SIGTERM, SIG_IGN);
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (int i = 0; i < 3; ++i)
    ::dup2(nowhere, i);
  char none = 0;
  while (::read(alive, &none, 1) < 0 && errno == EINTR) {
  }
  // One that closed what it inherited may still create files.
  std::error_code fault;
  for (int i = 0; i < attempts_max; ++i) {
    std::filesystem::remove_all(path, fault);
    if (!fault)
      return;
    ::poll(nullptr, 0, 10);
  }
}

} // namespace

result<std::unique_ptr<scratch>> scratch::create() {
  const auto* chosen = std::getenv("MILLRACE_BENCH_DIR");
  const auto path = (chosen ? std::filesystem::path{chosen}
                            : std::filesystem::temp_directory_path())
                    / ("millrace-bench." + std::to_string(::getpid()));
  std::error_code fault;
  std::filesystem::create_directories(path, fault);
  if (fault)
    return error{errc::storage_failed, path.string() + ": " + fault.message()};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return system_error("pipe");
  descriptor hears{ends[0]};
  descriptor alive{ends[1]};
  // Servers hold it too: one that dies after this process still makes files.
  if (::fcntl(alive.get(), F_SETFD, 0) != 0)
    return system_error("pipe");
  const auto remover = ::fork();
  if (remover < 0)
    return system_error("fork");
  if (remover == 0) {
    alive.close();
    remove_after_end(hears.get(), path.string());
    ::_exit(0);
  }
  return std::unique_ptr<scratch>{
    new scratch{path.string(), std::move(alive), remover}};
}

scratch::~scratch() {
  alive_.close();
  while (::waitpid(remover_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

} // namespace millrace::bench
