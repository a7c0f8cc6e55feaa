#include <millrace/messages/text/hex_text.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <poll.h>
#include <stdio_ext.h>
#include <string>
#include <unistd.h>
#include <utility>

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

/// "<file>:<line>:...", as editors take it.
bool begins_with_place(std::string_view text) {
  const auto line = text.substr(0, text.find('\n'));
  for (auto at = line.find(':'); at != line.npos; at = line.find(':', at + 1)) {
    auto end = at + 1;
    while (end < line.size() && line[end] >= '0' && line[end] <= '9')
      ++end;
    if (end > at + 1 && end < line.size() && line[end] == ':')
      return true;
  }
  return false;
}

/// What is printed as JSON at the end. Of the thread that prints.
struct failure_as_json {
  bool wanted = false;
  bool told = false;    ///< In a document of the command's own.
  bool printed = false; ///< Something that was flushed since.
  std::optional<error> first;
};
failure_as_json at_end;

} // namespace

void print_failure_as_json() { at_end.wanted = true; }

text::json_value failure_value(const error& failure) {
  at_end.told = true;
  return text::json_value{{"code", to_string(failure.code)},
                          {"text", failure.context}};
}

void end_failure(int code) {
  const auto kept = std::exchange(at_end, {});
  // Two documents are none for one who reads one.
  const bool has_document = kept.printed || ::__fpending(stdout) != 0;
  if (!kept.wanted || kept.told || !kept.first || code == exit_ok
      || has_document)
    return;
  const auto line
    = text::json_value{{"failure", failure_value(*kept.first)}}.dump();
  at_end = {};
  std::printf("%s\n", line.c_str());
}

void keep_failure(const error& failure) {
  if (!at_end.first)
    at_end.first = failure;
}

int fail(const error& failure) {
  keep_failure(failure);
  if (failure.code == errc::config && begins_with_place(failure.context))
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
  at_end.printed = at_end.printed || ::__fpending(stdout) != 0;
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
