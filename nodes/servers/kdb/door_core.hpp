#pragma once

#include <millrace/nodes/servers/kdb/session.hpp>
#include <millrace/nodes/servers/port/port_core.hpp>

namespace millrace::nodes::kdb {

/// All connections of a port for kdb+ clients.
using door_core = port_core<session>;

} // namespace millrace::nodes::kdb
