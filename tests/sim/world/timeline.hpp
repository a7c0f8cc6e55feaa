#pragma once

#include <millrace/sim/world/link.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::sim {

/// Something that a reader of a run wants to know.
struct happening {
  duration at{};
  std::string node; ///< Empty: the world.
  std::string text;
  bool is_kept = false; ///< A fault, or a life that begins or ends.
};

/// A run to read: a line per happening, in order, one column per node, in the
/// order in which they first appear; what the world says fills the line. Long
/// texts go on below; of many nodes they reach over the columns that follow.
/// Only the `last` happenings are shown, and of those before them the kept
/// ones; a first line says how many were left out.
[[nodiscard]] std::string timeline(const std::vector<happening>& all,
                                   size_t last);

} // namespace millrace::sim
