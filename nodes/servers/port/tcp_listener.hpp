#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/servers/port/listener.hpp>

#include <memory>

namespace millrace::nodes {

/// Opens a port of this host, with a thread of its own for its connections.
/// `locked` when another process has it, `permission`, `unavailable`.
[[nodiscard]] result<std::unique_ptr<listener>>
open_tcp_listener(const listen_options& options);

} // namespace millrace::nodes
