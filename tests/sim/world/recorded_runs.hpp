#pragma once

#include <millrace/sim/world/timeline.hpp>

#include <string>
#include <vector>

namespace millrace::sim {

/// Keeps the records of the worlds that this thread ends while it lives.
class recorded_runs {
public:
  recorded_runs();
  ~recorded_runs();
  recorded_runs(const recorded_runs&) = delete;
  recorded_runs& operator=(const recorded_runs&) = delete;

  /// Their timelines, one after the other.
  [[nodiscard]] std::string text() const;

private:
  friend class world;
  recorded_runs* before_;
  std::vector<std::vector<happening>> runs_;
};

} // namespace millrace::sim
