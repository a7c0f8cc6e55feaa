#pragma once

#include <millrace/persistence/disk/env.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Says on standard error how far a command is that may take minutes: as a bar
/// on a terminal, elsewhere as a line now and then. One owner.
class progress_line {
public:
  /// @param unit what is counted, in the plural
  progress_line(persistence::clock_source& clock, std::string unit);
  ~progress_line(); ///< Ends the line of a bar.
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;

  void show(uint64_t done, uint64_t all);
  /// Ends the line of a bar; another one may follow.
  void end();

private:
  persistence::clock_source& clock_;
  std::string unit_;
  bool draws_ = false; ///< Standard error is a terminal.
  bool drawn_ = false;
  int64_t last_ns_ = 0;
};

} // namespace millrace::nodes
