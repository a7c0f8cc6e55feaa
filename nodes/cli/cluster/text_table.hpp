#pragma once

#include <millrace/messages/text/json_value.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// A text as it is, another value as JSON, "-" for null.
[[nodiscard]] std::string cell_text(const text::json_value& value);

/// Rows as columns, one line each; the first row is the heading. @pre there is
/// one
[[nodiscard]] std::string
table_text(const std::vector<std::vector<std::string>>& rows);

/// Prints that.
void print_table(const std::vector<std::vector<std::string>>& rows);

} // namespace millrace::nodes
