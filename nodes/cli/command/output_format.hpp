#pragma once

#include <millrace/nodes/cli/command/options.hpp>

#include <cstdint>

namespace millrace::nodes {

/// How a command prints data: for people, or for programs.
enum class output_format : uint8_t { table, csv, json };

/// Declares `-o, --output` with table and json.
void declare_output(option_list& list, output_format& output);
/// The same, with csv too.
void declare_output_or_csv(option_list& list, output_format& output);

} // namespace millrace::nodes
