#pragma once

#include <millrace/sim/world/seeds.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::sim {

/// A place where a process may be made to end.
struct named_point {
  const char* role; ///< First letters of the names of nodes that pass it.
  const char* point;
};

/// Fails the test with all that is known about the seed.
inline bool report(uint64_t seed, const std::vector<std::string>& broken) {
  if (broken.empty())
    return true;
  std::string text = "seed " + std::to_string(seed) + ", " + replay(seed);
  size_t lines = 0;
  for (const auto& line : broken)
    if (++lines <= 12 || lines + 20 > broken.size())
      text += "\n  " + line;
  ADD_FAILURE() << text;
  return false;
}

} // namespace millrace::sim
