#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <csignal>

namespace millrace::nodes {

namespace {
volatile std::sig_atomic_t seen = 0;
void remember(int signal) { seen = signal; }
} // namespace

interrupts::interrupts(waiting how) {
  seen = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = how == waiting::goes_on ? SA_RESTART : 0;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

interrupts::~interrupts() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool interrupts::raised() const noexcept { return seen != 0; }

int interrupts::exit_code() const noexcept {
  return seen == 0 ? static_cast<int>(exit_ok) : exit_by_signal + seen;
}

} // namespace millrace::nodes
