#include <millrace/nodes/cli/read_password.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <string_view>
#include <termios.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// A terminal that shows nothing of what is typed, as long as it lives.
class silent_terminal {
public:
  silent_terminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0)
      return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    is_silent_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~silent_terminal() {
    if (is_silent_)
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  silent_terminal(const silent_terminal&) = delete;
  silent_terminal& operator=(const silent_terminal&) = delete;
  [[nodiscard]] bool is_silent() const noexcept { return is_silent_; }

private:
  termios before_{};
  bool is_silent_ = false;
};

result<std::string> read_line_of_input() {
  std::string line;
  if (!std::getline(std::cin, line))
    return error{errc::invalid_argument, "standard input has no password"};
  if (line.ends_with('\r'))
    line.pop_back();
  return line;
}

result<std::string> ask(const std::string& user) {
  const silent_terminal terminal;
  if (!terminal.is_silent())
    return error{errc::unavailable,
                 "this terminal shows what is typed: use --password-file"};
  fmt::print(stderr, "Password of {}: ", user);
  std::fflush(stderr);
  auto first = read_line_of_input();
  if (!first)
    return first;
  fmt::print(stderr, "Again: ");
  std::fflush(stderr);
  const auto second = read_line_of_input();
  if (!second)
    return second;
  if (*first != *second)
    return error{errc::invalid_argument, "these are two passwords"};
  return first;
}

} // namespace

result<std::string> read_password(const std::string& user,
                                  const std::string& file) {
  if (file == "-" || (file.empty() && ::isatty(STDIN_FILENO) != 1))
    return read_line_of_input();
  if (file.empty())
    return ask(user);
  constexpr uint64_t bytes_max = 64 * 1024;
  const auto bytes
    = persistence::read_file(persistence::posix_file_system(), file, bytes_max);
  if (!bytes)
    return bytes.failure();
  const std::string_view all{reinterpret_cast<const char*>(bytes->data()),
                             bytes->size()};
  std::string line{all.substr(0, all.find('\n'))};
  if (line.ends_with('\r'))
    line.pop_back();
  return line;
}

} // namespace millrace::nodes
