#pragma once

#include <string>
#include <vector>

namespace millrace::nodes {

/// Prints rows as columns; the first row is the heading. @pre there is one
void print_table(const std::vector<std::vector<std::string>>& rows);

} // namespace millrace::nodes
