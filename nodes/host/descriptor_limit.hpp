#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>

namespace millrace::nodes {

/// Lets this process open as many files and sockets as its hard limit says:
/// each input of a stream and each connection holds some, and the soft limit is
/// made for programs that wait for descriptors below 1,024.
/// @returns how many that are.
[[nodiscard]] result<uint64_t> raise_descriptor_limit();

} // namespace millrace::nodes
