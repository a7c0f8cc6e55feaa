#pragma once

#include <millrace/sim/world/timeline.hpp>

#include <string>
#include <vector>

namespace millrace::sim {

/// Keeps the records of the worlds that this thread ends while it lives.
class recorded_runs {
public:
  /// @param replay how to run these again; for `last_words`, too.
  explicit recorded_runs(std::string replay = {});
  ~recorded_runs();
  recorded_runs(const recorded_runs&) = delete;
  recorded_runs& operator=(const recorded_runs&) = delete;

  /// Their timelines, one after the other.
  [[nodiscard]] std::string text() const;

  /// What the innermost that knows says of how to run again what this thread
  /// runs; empty: none does.
  [[nodiscard]] static std::string replay();
  /// For the innermost of this thread, if there is one.
  static void keep(std::vector<happening> run);
  /// With so many of the last happenings as MILLRACE_SIM_TIMELINE says: a
  /// number, or `all`; 80 without it.
  [[nodiscard]] static std::string
  timeline_of(const std::vector<happening>& run);

private:
  recorded_runs* before_;
  std::string replay_;
  std::vector<std::vector<happening>> runs_;
};

} // namespace millrace::sim
