#pragma once

#include <millrace/messages/base/errors.hpp>

namespace millrace::nodes {

/// `limit_exceeded`, with what bounds them, when this process may not start so
/// many more threads: a thread that cannot be started in the middle of a start
/// ends the process without a word. Starts them, and waits for their end.
[[nodiscard]] error lacks_threads(unsigned count);

} // namespace millrace::nodes
