#include <millrace/sim/world/last_words.hpp>
#include <millrace/sim/world/recorded_runs.hpp>
#include <millrace/sim/world/world.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <mutex>
#include <pthread.h>
#include <unistd.h>
#include <vector>

namespace millrace::sim {

namespace {

thread_local std::vector<const world*> living_worlds;
std::atomic<std::string (*)()> replay_of_test{nullptr};
/// Who cannot finish its words ends all the same.
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

/// What is wrong by itself strikes again after this: its handler is gone when
/// this begins.
void speak(int) {
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

/// Threads that have worlds, where not 0; those beyond these say nothing.
std::array<std::atomic<pthread_t>, 16> speakers{};

void change_speakers(pthread_t from, pthread_t to) {
  for (auto& each : speakers)
    if (auto was = from; each.compare_exchange_strong(was, to))
      return;
}

/// This thread if it has worlds, else one that has; 0: none has.
pthread_t speaker() {
  pthread_t found{};
  for (const auto& each : speakers)
    if (const auto one = each.load(); one != pthread_t{}) {
      found = one;
      if (::pthread_equal(one, ::pthread_self()) != 0)
        return one;
    }
  return found;
}

/// Somebody ends the program, by as many signals as it takes: each comes to
/// some thread, and the words are those of the one that has worlds.
void end(int signal) {
  const auto who = speaker();
  if (who != pthread_t{} && ::pthread_equal(who, ::pthread_self()) == 0) {
    (void)::pthread_kill(who, signal);
    return;
  }
  speak(signal); // More of them are held back until this is over.
  struct sigaction unhandled {};
  unhandled.sa_handler = SIG_DFL;
  (void)::sigaction(signal, &unhandled, nullptr);
  (void)::raise(signal);
}

void listen_to(int signal, void (*handler)(int), int flags) {
  struct sigaction handled {};
  if (::sigaction(signal, nullptr, &handled) != 0
      || (handled.sa_flags & SA_SIGINFO) != 0 || handled.sa_handler != SIG_DFL)
    return;
  handled.sa_handler = handler;
  handled.sa_flags = flags;
  (void)::sigaction(signal, &handled, nullptr);
}

void listen() {
  for (const int each : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    listen_to(each, speak, static_cast<int>(SA_RESETHAND));
  for (const int each : {SIGTERM, SIGINT})
    listen_to(each, end, 0);
}

} // namespace

void last_words::add(const world& lives) {
  static std::once_flag once;
  std::call_once(once, listen);
  if (living_worlds.empty())
    change_speakers({}, ::pthread_self());
  living_worlds.push_back(&lives);
}

last_words::listener::~listener() {
  std::erase(living_worlds, ending_);
  if (living_worlds.empty())
    change_speakers(::pthread_self(), {});
}

void last_words::replay_as(std::string (*line)()) noexcept {
  replay_of_test = line;
}

} // namespace millrace::sim
