#pragma once

#include <string>

namespace millrace::nodes {

/// The running program's file; "millrace" where the system does not tell.
[[nodiscard]] std::string own_program();

} // namespace millrace::nodes
