#pragma once

#include <millrace/messages/base/errors.hpp>

namespace millrace::nodes {

/// The descriptor that a supervisor waits on, as a decimal number; unset when
/// nobody waits.
inline constexpr auto ready_variable = "MILLRACE_READY_FD";

/// Tells the supervisor, and systemd, that this node serves its roles, once;
/// later calls do nothing. `storage_failed` when one waits and cannot be told.
[[nodiscard]] error notify_ready();

} // namespace millrace::nodes
