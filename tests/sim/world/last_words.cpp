#include <millrace/sim/world/last_words.hpp>
#include <millrace/sim/world/recorded_runs.hpp>
#include <millrace/sim/world/world.hpp>

#include <atomic>
#include <csignal>
#include <mutex>
#include <unistd.h>
#include <vector>

namespace millrace::sim {

namespace {

thread_local std::vector<const world*> living_worlds;
std::atomic<std::string (*)()> replay_of_test{nullptr};
/// Whoever cannot finish its words ends all the same.
constexpr unsigned words_seconds_max = 10;

void say(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const auto wrote
      = ::write(STDERR_FILENO, text.data() + at, text.size() - at);
    if (wrote <= 0)
      return;
    at += static_cast<size_t>(wrote);
  }
}

/// The handler is gone when this begins; the signal strikes again after it: by
/// itself, or because it is raised once more.
void speak(int signal) {
  if (signal == SIGTERM || signal == SIGINT)
    (void)::raise(signal); // It is held back until this is over.
  if (living_worlds.empty())
    return;
  // The memory may be broken that this needs.
  ::alarm(words_seconds_max);
  auto replay = recorded_runs::replay();
  if (const auto of_test = replay_of_test.load();
      replay.empty() && of_test != nullptr)
    replay = of_test();
  say("millrace::sim: the program ends in the middle of a run\n"
      + (replay.empty() ? replay : replay + "\n"));
  for (const auto* each : living_worlds)
    say(each->story());
  ::alarm(0);
}

void listen() {
  for (const int each :
       {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM, SIGINT}) {
    struct sigaction handled {};
    if (::sigaction(each, nullptr, &handled) != 0
        || (handled.sa_flags & SA_SIGINFO) != 0
        || handled.sa_handler != SIG_DFL)
      continue;
    handled.sa_handler = speak;
    handled.sa_flags = static_cast<int>(SA_RESETHAND);
    (void)::sigaction(each, &handled, nullptr);
  }
}

} // namespace

void last_words::add(const world& lives) {
  static std::once_flag once;
  std::call_once(once, listen);
  living_worlds.push_back(&lives);
}

last_words::listener::~listener() { std::erase(living_worlds, ending_); }

void last_words::replay_as(std::string (*line)()) noexcept {
  replay_of_test = line;
}

} // namespace millrace::sim
