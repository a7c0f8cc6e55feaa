#pragma once

#include <string>

namespace millrace::sim {

/// Something that did not hold in a run.
struct failed_part {
  std::string file;
  int line = 0;
  std::string message;
};

/// Whether both are the same failure: of the same place in the code, with the
/// same words. Numbers, rows (what stands in braces) and, of a list, how much
/// of it there is may differ: they do between two runs that fail alike.
[[nodiscard]] bool is_same_failure(const failed_part& one,
                                   const failed_part& other);

} // namespace millrace::sim
