#include <millrace/bench/part_process.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <iostream>
#include <iterator>
#include <poll.h>
#include <sstream>
#include <unistd.h>

namespace millrace::bench {

namespace {

constexpr int silence_ms_max = 600'000;

struct pipe_ends {
  descriptor reading;
  descriptor writing;
};

result<pipe_ends> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return system_error("pipe");
  return pipe_ends{descriptor{ends[0]}, descriptor{ends[1]}};
}

} // namespace

result<std::unique_ptr<part_process>>
part_process::start(const std::vector<std::string>& words) {
  auto in = make_pipe();
  if (!in)
    return in.failure();
  auto out = make_pipe();
  if (!out)
    return out.failure();
  std::vector<std::string> command{"/proc/self/exe", part_option};
  command.insert(command.end(), words.begin(), words.end());
  auto process = child_process::start(
    command, {.in = in->reading.get(), .out = out->writing.get()});
  if (!process)
    return process.failure();
  std::unique_ptr<part_process> made{new part_process};
  made->name_ = words.front();
  made->to_ = std::move(in->writing);
  made->from_ = std::move(out->reading);
  made->process_ = *std::move(process);
  return made;
}

result<std::vector<int64_t>> part_process::hear_numbers() {
  auto line = hear();
  if (!line)
    return line.failure();
  std::istringstream numbers{*line};
  return std::vector<int64_t>{std::istream_iterator<int64_t>{numbers}, {}};
}

result<std::string> part_process::hear() {
  std::array<char, 4096> some{};
  for (;;) {
    if (const auto end = heard_.find('\n'); end != std::string::npos) {
      auto line = heard_.substr(0, end);
      heard_.erase(0, end + 1);
      return line;
    }
    pollfd waiting{from_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, silence_ms_max) == 0)
      return error{errc::timeout, name_ + ": says nothing"};
    const auto got = ::read(from_.get(), some.data(), some.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return error{errc::unavailable, name_ + ": ended before its time"};
    heard_.append(some.data(), static_cast<size_t>(got));
  }
}

error part_process::tell(std::string_view line) {
  const auto text = std::string{line} + "\n";
  return write_all(to_, std::as_bytes(std::span{text}));
}

void say(std::string_view line) { std::cout << line << std::endl; }

std::optional<std::string> await_line() {
  std::string line;
  if (!std::getline(std::cin, line))
    return {};
  return line;
}

} // namespace millrace::bench
