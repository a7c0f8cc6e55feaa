#include <millrace/nodes/cli/interrupts.hpp>

#include <csignal>

namespace millrace::nodes {

namespace {
volatile std::sig_atomic_t seen = 0;
void remember(int) { seen = 1; }
} // namespace

interrupts::interrupts() {
  seen = 0;
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
  std::signal(SIGPIPE, SIG_IGN);
}

interrupts::~interrupts() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool interrupts::raised() const noexcept { return seen != 0; }

} // namespace millrace::nodes
