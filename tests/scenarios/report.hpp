#pragma once

#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/world.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
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

/// Whether a node meant to log this, with such a text in it.
inline bool has_notice(world& w, const std::string& node, std::string_view id,
                       std::string_view text = {}) {
  const auto& notices = w.at(node).notices();
  return std::any_of(notices.begin(), notices.end(), [&](const auto& each) {
    return each.id == id && each.text.find(text) != std::string::npos;
  });
}

} // namespace millrace::sim
