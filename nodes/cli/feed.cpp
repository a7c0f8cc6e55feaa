#include <millrace/feed/text/replay_speed.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/feed.hpp>
#include <millrace/nodes/cli/interrupts.hpp>
#include <millrace/nodes/client/feed_session.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <optional>
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

error read_date(const std::string& text, feed_options& into) {
  const auto days = text::parse_date(text);
  if (!days)
    return days.failure();
  into.date = *days;
  return {};
}

error read_speed(const std::string& text, feed_options& into) {
  const auto speed = feed::parse_speed(text);
  if (!speed)
    return speed.failure();
  into.speed = speed->factor;
  return {};
}

void declare(option_list& list, feed_options& into) {
  declare_config(list, into.config);
  list
    .text("--layout", into.layout,
          "How lines are read: a preset, a name of [feed.layouts], or a layout "
          "file")
    .required()
    .shown_as("LAYOUT");
  list.text("--table", into.table, "Where the rows go")
    .required()
    .shown_as("TABLE");
  list
    .read(
      "--date",
      [&into](const std::string& text) { return read_date(text, into); },
      "Day of files that carry times only")
    .shown_as("YYYY-MM-DD");
  list.text("--symbol", into.symbol, "Symbol of files that carry none")
    .shown_as("SYMBOL");
  list
    .read(
      "--speed",
      [&into](const std::string& text) { return read_speed(text, into); },
      "original, a multiple of it such as 10x, or max (default)")
    .shown_as("SPEED");
  list.flag("--again", into.again, "Publish anew what was published before");
  list
    .text("--reject", into.reject,
          "Where lines go that cannot be read; default: beside the publisher's "
          "log")
    .shown_as("FILE");
  declare_output(list, into.output);
  list.texts("FILE", into.files, "Plain, gzip or zip").required();
}

int run(const feed_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  process_config process;
  process.name = feed_name(options);
  process.type = process_type::feed;
  process.layout = options.layout;
  process.table = options.table;
  process.symbol = options.symbol;
  process.speed = options.speed;
  process.files = options.files;
  process.date = options.date;
  interrupts signals;
  auto feed = feed_session::start(
    *config, process, {.again = options.again, .reject_path = options.reject});
  if (!feed)
    return fail(feed.failure());
  std::function<void(bool)> bar;
  if (::isatty(STDERR_FILENO) == 1)
    bar = [&](bool last) { draw(**feed, last); };
  auto fault = (*feed)->wait([&] { return signals.raised(); }, bar);
  std::optional<position> end;
  if (!fault) {
    if (auto asked = (*feed)->stream_end())
      end = *asked;
    else
      fault = asked.failure();
  }
  if (auto closed = (*feed)->close(); closed && !fault)
    fault = closed;
  const auto rows = (*feed)->progress().rows.load();
  const auto rejects = (*feed)->read().rejects.load();
  const auto backwards = (*feed)->read().backwards.load();
  if (options.output == output_format::json) {
    text::json_value out{{"rows", rows},
                         {"rejected", rejects},
                         {"backwards", backwards},
                         {"reject_file", (*feed)->reject_path()},
                         {"stream", (*feed)->stream()}};
    if (end)
      out.add("end", end->value);
    fmt::print("{}\n", out.dump());
  } else {
    fmt::print(
      "{} rows published, {} rejected, {} earlier than the row before\n", rows,
      rejects, backwards);
    if (end)
      fmt::print("stream {} ends at {} (--at-least {})\n", (*feed)->stream(),
                 to_string(*end), end->value);
  }
  if (rows == 0 && !fault) {
    const auto names = fmt::format("{}", fmt::join(options.files, ", "));
    if ((*feed)->read().resumed != 0)
      fmt::print(stderr,
                 "already published: {}; --again publishes it once more\n",
                 names);
    else if ((*feed)->read().total_bytes == 0)
      fault = {errc::bad_data, names + ": nothing to read, the file is empty"};
  }
  if (rejects != 0 && options.output != output_format::json)
    fmt::print("rejected lines: {}\n", (*feed)->reject_path());
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace

const command<feed_options> feed_command{
  {"feed", "Publish files as rows of a table",
   "millrace feed --layout lean-equity-trade --date 2013-10-08 --symbol SPY "
   "\\\n"
   "    --table trade --config examples/local.toml spy_20131008_trade.zip"},
  declare,
  run};

} // namespace millrace::nodes
