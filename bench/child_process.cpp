#include <millrace/bench/child_process.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

/// After fork, where only the simplest calls are safe. @returns errno.
int become(char* const* words, const child_process::files& standard,
           pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    return errno;
  // It may have ended before.
  if (::getppid() != parent)
    return ESRCH;
  const int given[] = {standard.in, standard.out, standard.error};
  for (int i = 0; i < 3; ++i)
    if (given[i] >= 0 && ::dup2(given[i], i) < 0)
      return errno;
  ::execvp(words[0], words);
  return errno;
}

} // namespace

result<std::unique_ptr<child_process>>
child_process::start(const std::vector<std::string>& command,
                     const files& standard) {
  std::vector<char*> words;
  for (const auto& word : command)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  // Closes when the program runs; tells why when it does not.
  int told[2];
  if (::pipe2(told, O_CLOEXEC) != 0)
    return system_error("pipe");
  descriptor hears{told[0]};
  descriptor tells{told[1]};
  const auto parent = ::getpid();
  const auto child = ::fork();
  if (child < 0)
    return system_error("fork");
  if (child == 0) {
    const int why = become(words.data(), standard, parent);
    (void)!::write(tells.get(), &why, sizeof why);
    ::_exit(127);
  }
  tells.close();
  std::unique_ptr<child_process> out{new child_process{child}};
  int why = 0;
  if (::read(hears.get(), &why, sizeof why) > 0)
    return error{errc::unavailable,
                 command.front() + ": " + std::strerror(why)};
  return out;
}

child_process::~child_process() {
  if (child_ == 0)
    return;
  ::kill(child_, SIGKILL);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int child_process::wait() noexcept {
  int status = 0;
  while (child_ != 0 && ::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = 0;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void child_process::interrupt() noexcept {
  if (child_ == 0)
    return;
  ::kill(child_, SIGINT);
  wait();
}

void child_process::stop() noexcept { ::kill(child_, SIGSTOP); }

bool child_process::ended() noexcept {
  if (child_ != 0 && ::waitpid(child_, nullptr, WNOHANG) == child_)
    child_ = 0;
  return child_ == 0;
}

} // namespace millrace::bench
