#pragma once

#include <millrace/nodes/cli/command/output_format.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Who leaves the group that orders a stream, and who takes the place.
struct member_change {
  std::string config;
  std::string stream;
  std::string leaving;
  std::string joining; ///< Empty: nobody takes the place.
  uint64_t timeout_s;
  output_format output;
};

/// Asks the leader again and again, no matter who that is, until it is done,
/// and prints that. @returns the exit code
[[nodiscard]] int change_members(const member_change& what);

} // namespace millrace::nodes
