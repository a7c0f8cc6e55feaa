#include <millrace/messages/text/hex_text.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// What names of files may hold would move a terminal's cursor, or worse.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
        || c == 0x7f) {
      out += "\\x";
      text::append_hex(out, static_cast<std::byte>(c));
    } else {
      out += c;
    }
  return out;
}

} // namespace

int fail(const error& failure) {
  if (failure.code == errc::config)
    std::fprintf(stderr, "%s\n", shown(failure.context).c_str());
  else
    std::fprintf(stderr, "millrace: %s\n", shown(to_string(failure)).c_str());
  return exit_code_of(failure.code);
}

int fail_of_files(const error& failure) {
  const auto code = fail(failure);
  return failure.code == errc::already_exists ? static_cast<int>(exit_data)
                                              : code;
}

namespace {

int first_refusal = 0; ///< Of standard output, by the thread that prints.

} // namespace

void flush_output() {
  if (std::fflush(stdout) != 0 && first_refusal == 0)
    first_refusal = errno;
}

int end_output() {
  flush_output();
  if (first_refusal != 0)
    return first_refusal;
  // Printed more than its buffer takes, and nobody looked at the time.
  return std::ferror(stdout) != 0 ? EIO : 0;
}

int fail_output(const error& failure) {
  return output_is_unread() ? static_cast<int>(exit_pipe) : fail(failure);
}

bool output_is_unread() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

} // namespace millrace::nodes
