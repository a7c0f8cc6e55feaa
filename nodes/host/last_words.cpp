#include <millrace/nodes/host/last_words.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <unistd.h>

namespace millrace::nodes {

namespace {

constexpr std::array fatal_signals{SIGSEGV, SIGBUS,  SIGFPE,
                                   SIGILL,  SIGABRT, SIGSYS};

struct word_slot {
  std::atomic<int> file{-1};
  std::atomic<uint64_t> at{0};
};

// A signal handler can be handed nothing, so these are of the process.
std::array<word_slot, 16> word_slots;
std::array<struct sigaction, 65> former_actions;
std::mutex word_mutex; ///< Of who takes and leaves slots.

/// Only calls of the system, no lock, no memory.
void on_fatal_signal(int number, siginfo_t* info, void*) {
  const auto former_errno = errno;
  const char written[last_words::width]
    = {number < 10 ? ' ' : static_cast<char>('0' + number / 10),
       static_cast<char>('0' + number % 10)};
  // What others sent is no fault of the process, whichever signal it is.
  const bool is_own = info->si_code > 0 || info->si_pid == ::getpid();
  for (auto& slot : word_slots)
    if (const int file = slot.file.load(); is_own && file >= 0) {
      const auto at = static_cast<off_t>(slot.at.load());
      // Who dies can tell nobody that this failed.
      [[maybe_unused]] const auto wrote
        = ::pwrite(file, written, sizeof written, at);
    }
  ::sigaction(number, &former_actions[static_cast<size_t>(number)], nullptr);
  errno = former_errno;
  // What faulted is tried again after the return, and ends the process; what
  // somebody sent, as abort does, comes again only if it is sent again.
  if (info->si_code <= 0)
    ::raise(number);
}

} // namespace

void last_words::install() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (const int number : fatal_signals) {
      struct sigaction ours {};
      ours.sa_sigaction = on_fatal_signal;
      ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
      ::sigaction(number, &ours, &former_actions[static_cast<size_t>(number)]);
    }
  });
}

error last_words::open(const std::string& path, uint64_t at) {
  install();
  const std::lock_guard lock{word_mutex};
  for (size_t i = 0; i < word_slots.size(); ++i) {
    if (word_slots[i].file >= 0)
      continue;
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0)
      return {errc::storage_failed, path + ": " + std::strerror(errno)};
    word_slots[i].at = at;
    word_slots[i].file = file;
    slot_ = static_cast<int>(i);
    break;
  }
  return {};
}

last_words::~last_words() {
  if (slot_ < 0)
    return;
  const std::lock_guard lock{word_mutex};
  ::close(word_slots[static_cast<size_t>(slot_)].file.exchange(-1));
}

} // namespace millrace::nodes
