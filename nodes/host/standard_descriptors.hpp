#pragma once

#include <millrace/messages/base/errors.hpp>

namespace millrace::nodes {

/// Opens /dev/null in the place of each of the descriptors 0, 1 and 2 that is
/// closed, as a supervisor or `>&-` leaves them: what is opened first would get
/// its number otherwise, and what is printed would go there. Reading 0 and
/// writing 1 fail with EBADF as before, so that nobody takes them for an empty
/// input and an output that somebody reads; what is written to 2 is lost.
/// Before anything else is opened, and before there are other threads.
/// `storage_failed` when /dev/null cannot be opened.
[[nodiscard]] error hold_standard_descriptors();

} // namespace millrace::nodes
