#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

namespace millrace::sim {

/// The seeds of a test, one after the other.
struct seed_range {
  uint64_t first = 1;
  uint64_t last = 0;

  /// Until one returns false.
  void for_each(const std::function<bool(uint64_t)>& run) const {
    for (auto seed = first; seed <= last; ++seed)
      if (!run(seed) || seed == ~uint64_t{0})
        return;
  }
};

/// Seeds 1 to `count`. MILLRACE_SIM_SEEDS says how many instead,
/// MILLRACE_SIM_SEED runs only that one: how a failure is replayed.
/// `invalid_argument`: one of them is no number, or there would be no seed.
[[nodiscard]] result<seed_range> seeds_wanted(uint64_t count);

/// Calls `run` with one seed after another, until one returns false. The
/// program ends where `seeds_wanted` fails, and says why; an exception of `run`
/// goes on to its caller, after its seed was said.
inline void for_each_seed(uint64_t count,
                          const std::function<bool(uint64_t)>& run) {
  const auto wanted = seeds_wanted(count);
  if (!wanted) {
    std::fprintf(stderr, "%s\n", to_string(wanted.failure()).c_str());
    std::exit(EXIT_FAILURE);
  }
  wanted->for_each([&](uint64_t seed) -> bool {
    try {
      return run(seed);
    } catch (...) {
      std::fprintf(stderr, "an exception ends the run of seed %llu\n",
                   static_cast<unsigned long long>(seed));
      throw;
    }
  });
}

/// A word of a command line, so that a shell takes it as it is.
[[nodiscard]] std::string in_shell(std::string_view word);

/// How to run exactly this again.
inline std::string replay(uint64_t seed) {
  return "replay: MILLRACE_SIM_SEED=" + std::to_string(seed)
         + " with the same test";
}

} // namespace millrace::sim
