#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <csignal>
#include <utility>

namespace millrace::nodes {

namespace {
volatile std::sig_atomic_t seen = 0;
std::atomic<std::atomic<bool>*> other = nullptr;
static_assert(std::atomic<bool>::is_always_lock_free
              && std::atomic<std::atomic<bool>*>::is_always_lock_free);
void remember(int signal) {
  seen = signal;
  if (auto* const flag = other.load())
    *flag = true;
}
} // namespace

interrupts::interrupts(waiting how) {
  seen = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = how == waiting::goes_on ? SA_RESTART : 0;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // Whose terminal closes ends as if it was asked to; `nohup` has it ignored.
  struct sigaction former {};
  if (::sigaction(SIGHUP, nullptr, &former) == 0
      && former.sa_handler != SIG_IGN)
    ::sigaction(SIGHUP, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

interrupts::~interrupts() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  struct sigaction former {};
  if (::sigaction(SIGHUP, nullptr, &former) == 0
      && former.sa_handler == remember)
    std::signal(SIGHUP, SIG_DFL);
  other = nullptr;
}

void interrupts::raise_too(std::shared_ptr<std::atomic<bool>> flag) {
  other_ = std::move(flag);
  other = other_.get();
  if (raised()) // It came before.
    *other_ = true;
}

bool interrupts::raised() const noexcept { return seen != 0; }

int interrupts::exit_code() const noexcept {
  return seen == 0 ? static_cast<int>(exit_ok) : exit_by_signal + seen;
}

} // namespace millrace::nodes
