#pragma once

#include <millrace/messages/base/errors.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Why nobody can listen at `address`:`port` now, asked of the system anew,
/// because CAF does not tell. `locked`: another socket has the port.
/// `permission`: it is not for this user. Else `unavailable`.
[[nodiscard]] error listen_fault(const std::string& address, uint16_t port);

} // namespace millrace::nodes
