#pragma once

#include <millrace/messages/text/json_value.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// A text as it is, another value as JSON, "-" for null.
[[nodiscard]] std::string cell_text(const text::json_value& value);

/// Prints rows as columns; the first row is the heading. @pre there is one
void print_table(const std::vector<std::vector<std::string>>& rows);

} // namespace millrace::nodes
