#pragma once

#include <millrace/messages/base/errors.hpp>

namespace millrace::nodes {

/// Prints an error to stderr. A fault of the configuration is printed as its
/// lines `<file>:<line>:<key>: <reason>`, another as `millrace: <text>`.
/// @returns the exit code that stands for it.
int fail(const error& failure);

/// The same of files that are read: what was published or loaded of them before
/// (`already_exists`) is a fault of theirs and no one's of the command line.
int fail_of_files(const error& failure);

/// The same of an error of standard output. When its reader has gone, as `head`
/// does, that is not worth a word: the exit code is that of SIGPIPE.
int fail_output(const error& failure);

/// Hands standard output on to the system, and keeps why it was refused first:
/// what is called after it may fail for reasons of its own.
void flush_output();

/// The same at the end of a command. @returns why something that was printed is
/// lost, as an errno; 0: nothing is
[[nodiscard]] int end_output();

/// Whether the reader of standard output has gone.
[[nodiscard]] bool output_is_unread();

} // namespace millrace::nodes
