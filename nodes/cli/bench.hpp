#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// What can be given to `millrace-bench`, and so to `millrace bench`.
struct bench_options {
  std::string name;
  bool list = false;
  unsigned runs = 5; ///< The median of so many counts.
  double scale = 1;  ///< Of the messages and rows that figures count by.
  output_format output = output_format::table;

  bool operator==(const bench_options&) const = default;
};

/// The words that say the same to `millrace-bench`.
[[nodiscard]] std::vector<std::string> words_of(const bench_options& options);

/// Becomes the program `millrace-bench`, which stands beside this one where it
/// was built: what hosts a node links no measurement.
extern const command<bench_options> bench_command;

} // namespace millrace::nodes
