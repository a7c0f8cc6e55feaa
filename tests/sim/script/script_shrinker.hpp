#pragma once

#include <millrace/sim/script/fault_script.hpp>

#include <cstddef>
#include <optional>

namespace millrace::sim {

/// Finds a short script that still fails: proposes scripts with some of the
/// faults left out, in halves, then quarters, down to single ones, until none
/// can be spared (delta debugging). A core: the owner runs what it proposes.
class script_shrinker {
public:
  /// @pre `failing` fails
  explicit script_shrinker(fault_script failing);

  /// What to try next; none: `smallest` cannot be cut any more.
  [[nodiscard]] std::optional<fault_script> next();
  /// What became of it. @pre `next` proposed something
  void tried(bool fails);

  /// The shortest that failed so far.
  [[nodiscard]] const fault_script& smallest() const noexcept {
    return smallest_;
  }

private:
  [[nodiscard]] fault_script proposal() const;

  fault_script smallest_;
  size_t piece_; ///< Faults that are left out together; 0: done.
  size_t at_ = 0;
  bool spared_ = false; ///< Some could be spared in this round.
};

} // namespace millrace::sim
