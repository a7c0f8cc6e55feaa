#include <millrace/nodes/cli/command/progress_line.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <unistd.h>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr int64_t bar_interval_ns = 100'000'000;
/// What is over before is not told of.
constexpr int64_t line_interval_ns = 5'000'000'000;

} // namespace

progress_line::progress_line(persistence::clock_source& clock, std::string unit)
  : clock_{clock}, unit_{std::move(unit)}, draws_{::isatty(STDERR_FILENO) == 1},
    last_ns_{clock.monotonic_ns()} {}

progress_line::~progress_line() { end(); }

void progress_line::show(uint64_t done, uint64_t all) {
  const auto now = clock_.monotonic_ns();
  const bool last = done >= all && drawn_;
  if (!last && now - last_ns_ < (draws_ ? bar_interval_ns : line_interval_ns))
    return;
  last_ns_ = now;
  if (!draws_) {
    fmt::print(stderr, "millrace: {} of {} {}\n", done, all, unit_);
    std::fflush(stderr);
    return;
  }
  constexpr uint64_t width = 30;
  const auto whole = std::max<uint64_t>(all, 1);
  const auto part = std::min(done, whole);
  fmt::print(stderr, "\r[{:<{}}] {:3}%  {} of {} {}",
             std::string(part * width / whole, '#'), width, part * 100 / whole,
             done, all, unit_);
  std::fflush(stderr);
  drawn_ = true;
}

void progress_line::end() {
  if (std::exchange(drawn_, false))
    fmt::print(stderr, "\n");
}

} // namespace millrace::nodes
