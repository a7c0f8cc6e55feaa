#pragma once

#include <cstdlib>

namespace millrace::test_support {

/// Whether every case is wanted rather than a sample: `MILLRACE_EXHAUSTIVE` is
/// set, as by scripts/nightly.
[[nodiscard]] inline bool exhaustive() {
  return std::getenv("MILLRACE_EXHAUSTIVE") != nullptr;
}

} // namespace millrace::test_support
