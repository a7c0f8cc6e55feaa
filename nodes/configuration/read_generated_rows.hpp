#pragma once

#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

namespace millrace::nodes {

/// Reads which rows a `[process.generator]` makes, but for their tables.
[[nodiscard]] generator_config read_generated_rows(text::toml_section& at);

} // namespace millrace::nodes
