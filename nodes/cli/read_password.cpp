#include <millrace/nodes/cli/read_password.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <poll.h>
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

constexpr size_t line_bytes_max = 64 * 1024;

/// A line of standard input, without its end.
result<std::string> read_typed_line(const interrupts& signals) {
  std::string line;
  bool is_over = false;
  while (!is_over && !signals.raised()) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    if (::poll(&in, 1, 100) <= 0)
      continue;
    char next = 0; // What comes after the line is another one's.
    const auto count = ::read(STDIN_FILENO, &next, 1);
    if (count < 0 || (count == 0 && line.empty()))
      return error{errc::invalid_argument, "standard input has no password"};
    is_over = count == 0 || next == '\n';
    if (is_over)
      break;
    line += next;
    if (line.size() > line_bytes_max)
      return error{errc::oversize, "this is no password: more than 64 KiB"};
  }
  if (!is_over)
    return error{errc::cancelled, "interrupted; nothing is changed"};
  if (line.ends_with('\r'))
    line.pop_back();
  return line;
}

result<std::string> ask(const std::string& user, const interrupts& signals) {
  const silent_terminal terminal;
  if (!terminal.is_silent())
    return error{errc::unavailable,
                 "this terminal shows what is typed: use --password-file"};
  fmt::print(stderr, "Password of {}: ", user);
  std::fflush(stderr);
  auto first = read_typed_line(signals);
  if (!first)
    return first;
  fmt::print(stderr, "Again: ");
  std::fflush(stderr);
  const auto second = read_typed_line(signals);
  if (!second)
    return second;
  if (*first != *second)
    return error{errc::invalid_argument, "these are two passwords"};
  return first;
}

} // namespace

result<std::string> read_password(const std::string& user,
                                  const std::string& file,
                                  const interrupts& signals) {
  if (file == "-" || (file.empty() && ::isatty(STDIN_FILENO) != 1))
    return read_typed_line(signals);
  if (file.empty())
    return ask(user, signals);
  const auto all = persistence::read_text_file(persistence::posix_file_system(),
                                               file, line_bytes_max);
  if (!all)
    return all.failure();
  auto line = all->substr(0, all->find('\n'));
  if (line.ends_with('\r'))
    line.pop_back();
  return line;
}

} // namespace millrace::nodes
