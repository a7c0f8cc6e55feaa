#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

namespace millrace::sim {

/// Calls `run` with one seed after another, until one returns false.
/// MILLRACE_SIM_SEEDS says how many instead of `count`, MILLRACE_SIM_SEED runs
/// only that one: how a failure is replayed.
inline void for_each_seed(uint64_t count,
                          const std::function<bool(uint64_t)>& run) {
  const auto number = [](const char* name) -> uint64_t {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : 0;
  };
  if (const auto only = number("MILLRACE_SIM_SEED")) {
    (void)run(only);
    return;
  }
  if (const auto wanted = number("MILLRACE_SIM_SEEDS"))
    count = wanted;
  for (uint64_t seed = 1; seed <= count; ++seed)
    if (!run(seed))
      return;
}

/// How to run exactly this again.
inline std::string replay(uint64_t seed) {
  return "replay: MILLRACE_SIM_SEED=" + std::to_string(seed)
         + " with the same test";
}

} // namespace millrace::sim
