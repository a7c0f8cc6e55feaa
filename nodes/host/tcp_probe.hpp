#pragma once

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Whether something listens at a TCP port, be it that it does not answer: a
/// process that stands still still listens. Blocks for at most a second.
[[nodiscard]] bool listens_at(const std::string& host, uint16_t port);

} // namespace millrace::nodes
