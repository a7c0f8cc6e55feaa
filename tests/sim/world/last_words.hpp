#pragma once

#include <string>

namespace millrace::sim {

class world;

/// What a program says that ends in the middle of a run, by an assertion, its
/// own or the product's, by a bad access, or by somebody who waited in vain for
/// a run that hangs: how to run it again, and the
/// stories of the worlds that live on that thread. Nothing else would be known
/// of the run, for no test goes on after that.
class last_words {
public:
  /// Adds a world, and listens for the end from the first one on: to signals
  /// (SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM, SIGINT) that nobody
  /// handles yet.
  static void add(const world& lives);

  /// A world of its thread that lives until this ends.
  class listener {
  public:
    explicit listener(const world& ending) : ending_{&ending} {}
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

  private:
    const world* ending_;
  };

  /// How a run is replayed that no `recorded_runs` knows; none: not told.
  static void replay_as(std::string (*line)()) noexcept;
};

} // namespace millrace::sim
