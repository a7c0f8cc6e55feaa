// Stands for `millrace node` in tests of supervision: it takes the lock and
// says that it is ready in the way of the product, and behaves as its name
// asks.
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/node_lock.hpp>
#include <millrace/nodes/host/readiness.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <cstdio>
#include <cstdlib>
#include <signal.h>
#include <string>
#include <unistd.h>

using namespace millrace;
using namespace millrace::nodes;

namespace {

int end_with(const error& failure) {
  std::fprintf(stderr, "%s\n", to_string(failure).c_str());
  return exit_code_of(failure.code);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 6 || std::string{argv[1]} != "node"
      || std::string{argv[2]} != "--config" || std::string{argv[4]} != "--name")
    return exit_usage;
  const std::string name = argv[5];
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, nullptr);
  std::printf("node %s begins\n", name.c_str());
  std::fflush(stdout);
  const auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
  const auto config = load_configuration(*(*world)->world().fs, argv[3]);
  if (!config)
    return end_with(config.failure());
  if (name == "broken") {
    std::fprintf(stderr, "the disk is on fire\n\n");
    return exit_io;
  }
  if (name == "crashing")
    raise(SIGKILL);
  const auto lock
    = node_lock::acquire((*world)->world(), config->node_directory(name));
  if (!lock)
    return end_with(lock.failure());
  if (name == "failing") {
    const error why{errc::locked, "port 7 is in use"};
    (*lock)->keep_failure(why);
    return end_with(why);
  }
  if (name == "speechless")
    ::close(std::atoi(std::getenv(ready_variable)));
  else if (name != "slow")
    if (auto fault = notify_ready())
      return end_with(fault);
  int signal = 0;
  do
    sigwait(&term, &signal);
  while (name == "stubborn");
  return exit_ok;
}
