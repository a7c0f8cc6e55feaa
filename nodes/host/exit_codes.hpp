#pragma once

#include <millrace/messages/base/errors.hpp>

namespace millrace::nodes {

/// Exit codes of `millrace`, after sysexits.h where it has one.
enum exit_code : int {
  exit_ok = 0,
  exit_negative = 1,     ///< A negative answer: `verify` found damage.
  exit_usage = 64,       ///< The command line is wrong.
  exit_data = 65,        ///< Data is bad, another life's, or beyond a limit.
  exit_unavailable = 69, ///< No live process can do it.
  exit_internal = 70,    ///< A defect of ours.
  exit_locked = 73,      ///< Already running, or directory or port is taken.
  exit_io = 74,          ///< The system refused a file or a socket.
  exit_retry = 75,       ///< Try again later.
  exit_permission = 77,  ///< The system refused access.
  exit_config = 78,      ///< The configuration is wrong.
  exit_by_signal = 128,  ///< A signal ended it: 130 is ctrl-C, 143 SIGTERM.
  exit_pipe = 141,       ///< Nobody reads the output any more (128 + SIGPIPE).
};

/// The exit code that stands for an error; `exit_ok` for none.
[[nodiscard]] int exit_code_of(errc code) noexcept;

} // namespace millrace::nodes
