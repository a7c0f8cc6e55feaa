#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/feed_command.hpp>
#include <millrace/nodes/cli/interrupts.hpp>
#include <millrace/nodes/client/feed_session.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <date/date.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// The publisher's directory is named by what is fed, so that the same files
/// fed again meet their own log.
std::string feed_name(const feed_options& options) {
  auto name = "feed-" + options.table;
  if (!options.symbol.empty())
    name += "-" + options.symbol;
  for (auto& c : name)
    if (c == '/' || c == '.' || c == ' ')
      c = '_';
  return name;
}

std::string speed_text(double speed) {
  if (speed == 0)
    return "max";
  return fmt::format("{}x", speed);
}

void draw(const feed_session& feed, bool last) {
  const auto done = feed.read().bytes.load();
  const auto all = std::max<uint64_t>(feed.read().total_bytes.load(), 1);
  constexpr int width = 30;
  const auto filled
    = static_cast<int>(std::min<uint64_t>(done * width / all, width));
  fmt::print(stderr, "\r[{:<{}}] {:3}%  {} rows{}", std::string(filled, '#'),
             width, done * 100 / all, feed.progress().rows.load(),
             last ? "\n" : "");
  std::fflush(stderr);
}

} // namespace

int run_feed(const feed_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  process_config process;
  process.name = feed_name(options);
  process.type = process_type::feed;
  process.layout = options.layout;
  process.table = options.table;
  process.symbol = options.symbol;
  process.speed = speed_text(options.speed);
  process.files = options.files;
  if (options.date)
    process.date = date::format("%F", date::sys_days{date::year{2000} / 1 / 1}
                                        + date::days{*options.date});
  interrupts signals;
  auto feed = feed_session::start(
    *config, process, {.again = options.again, .reject_path = options.reject});
  if (!feed)
    return fail(feed.failure());
  std::function<void(bool)> bar;
  if (::isatty(STDERR_FILENO) == 1)
    bar = [&](bool last) { draw(**feed, last); };
  auto fault = (*feed)->wait([&] { return signals.raised(); }, bar);
  if (auto closed = (*feed)->close(); closed && !fault)
    fault = closed;
  const auto rows = (*feed)->progress().rows.load();
  const auto rejects = (*feed)->read().rejects.load();
  const auto backwards = (*feed)->read().backwards.load();
  fmt::print("{} rows published, {} rejected, {} earlier than the row before\n",
             rows, rejects, backwards);
  if (rows == 0 && !fault) {
    const auto names = fmt::format("{}", fmt::join(options.files, ", "));
    if ((*feed)->read().resumed != 0)
      fmt::print(stderr,
                 "already published: {}; --again publishes it once more\n",
                 names);
    else if ((*feed)->read().total_bytes == 0)
      fault = {errc::bad_data, names + ": nothing to read, the file is empty"};
  }
  if (rejects != 0)
    fmt::print("rejected lines: {}\n", (*feed)->reject_path());
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace millrace::nodes
