#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Notes in a file by which signal its process is ended: SIGSEGV, SIGBUS,
/// SIGFPE, SIGILL, SIGABRT, SIGSYS, which a process brings upon itself. Who is
/// ended by a kill, with whichever signal, or a loss of power notes nothing.
/// Handlers that were there before run after, and the process ends as it would
/// have. A stack that overflows has no room for a handler: that end is not
/// noted.
///
/// The first one installs the handlers, for good. Up to 16 exist at a time in a
/// process; more note nothing, which is no failure. Thread safe.
class last_words {
public:
  /// As wide as what is written: a number with spaces before it.
  static constexpr uint64_t width = 2;

  /// The handlers as of now: before others map files, whose own handler of
  /// SIGBUS then comes before this one.
  static void install();

  /// Opens `path`, where `width` bytes at `at` are to be written over.
  [[nodiscard]] error open(const std::string& path, uint64_t at);

  last_words() = default;
  ~last_words();
  last_words(const last_words&) = delete;
  last_words& operator=(const last_words&) = delete;

private:
  int slot_ = -1;
};

} // namespace millrace::nodes
