#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace millrace::nodes {

enum class shell : uint8_t { bash, zsh };

/// A script that makes a shell complete the commands and options of `program`,
/// and the values that an option offers; where it knows none, names of files.
[[nodiscard]] std::string completion_script(CLI::App& program, shell of);

} // namespace millrace::nodes
