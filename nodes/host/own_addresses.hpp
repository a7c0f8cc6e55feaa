#pragma once

#include <string>

namespace millrace::nodes {

/// Whether an address, as a number, is of this host: one of loopback is, and
/// those of its interfaces are.
[[nodiscard]] bool is_of_this_host(const std::string& address);

} // namespace millrace::nodes
