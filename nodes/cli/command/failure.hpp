#pragma once

#include <millrace/messages/base/errors.hpp>

namespace millrace::nodes {

/// Prints an error to stderr. A fault of the configuration is printed as its
/// lines `<file>:<line>:<key>: <reason>`, another as `millrace: <text>`.
/// @returns the exit code that stands for it.
int fail(const error& failure);

} // namespace millrace::nodes
