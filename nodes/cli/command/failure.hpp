#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/text/json_value.hpp>

namespace millrace::nodes {

/// For programs (-o json): the first failure is printed on standard output,
/// too, at the end of a command that printed no document of its own there, as
/// {"failure": {"code": "bad_data", "text": "..."}}.
void print_failure_as_json();
/// That object's value, for a command that has a document of its own for it:
/// none is printed at its end then. @pre `failure` is one
[[nodiscard]] text::json_value failure_value(const error& failure);
/// Of a failure that another one than `fail` prints to stderr.
void keep_failure(const error& failure);
/// At a command's end, with its exit code: of one that did what was asked
/// nothing is printed. The next command of the process begins without a
/// failure.
void end_failure(int code);

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
