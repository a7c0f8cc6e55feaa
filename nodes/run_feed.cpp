#include <millrace/nodes/command_support.hpp>
#include <millrace/nodes/exit_codes.hpp>
#include <millrace/nodes/feed_command.hpp>
#include <millrace/nodes/feed_process.hpp>
#include <millrace/nodes/interrupts.hpp>
#include <millrace/nodes/runtime.hpp>

#include <date/date.h>

#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// How long a feed waits for the first answer of RT.
constexpr int64_t connect_ns_max = 10'000'000'000;

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

void draw(const feed_process& feed, bool last) {
  const auto done = feed.read->bytes.load();
  const auto all = std::max<uint64_t>(feed.read->total_bytes.load(), 1);
  constexpr int width = 30;
  const auto filled
    = static_cast<int>(std::min<uint64_t>(done * width / all, width));
  fmt::print(stderr, "\r[{:<{}}] {:3}%  {} rows{}", std::string(filled, '#'),
             width, done * 100 / all, feed.progress->rows.load(),
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
    process.date = date::format(
      "%F", date::sys_days{date::year{2000} / 1 / 1}
              + date::days{*options.date});
  interrupts signals;
  auto host = runtime::create({});
  if (!host)
    return fail(host.failure());
  struct ending {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    error fault;
  };
  auto end = std::make_shared<ending>();
  auto feed = start_feed_process(
    **host, *config, process,
    {.again = options.again,
     .reject_path = options.reject,
     .on_done = [end](const error& fault) {
       const std::scoped_lock lock{end->mutex};
       end->done = true;
       end->fault = fault;
       end->changed.notify_all();
     }});
  if (!feed)
    return fail(feed.failure());
  (*host)->keep(feed->handle);
  const bool bar = ::isatty(STDERR_FILENO) == 1;
  {
    std::unique_lock lock{end->mutex};
    auto& clock = *(*host)->env().clock;
    const auto give_up_ns = clock.monotonic_ns() + connect_ns_max;
    while (!end->done && !signals.raised()) {
      end->changed.wait_for(lock, 100ms);
      // Nothing was published yet: there is nothing to lose by giving up.
      if (!feed->progress->connected && clock.monotonic_ns() > give_up_ns) {
        end->done = true;
        end->fault = {errc::unavailable,
                      "stream '" + config->table(options.table)->stream
                        + "': its rt does not answer; is the cluster up?"};
      }
      if (bar)
        draw(*feed, end->done);
    }
  }
  auto fault = end->fault;
  if (!end->done)
    fault = {errc::cancelled,
             "interrupted; run the same command again to go on"};
  const auto rows = feed->progress->rows.load();
  const auto rejects = feed->read->rejects.load();
  const auto backwards = feed->read->backwards.load();
  auto out = feed->out;
  auto reject_path = feed->reject_path;
  *feed = {};
  if (auto closed = out->close(); closed && !fault)
    fault = closed;
  out.reset();
  host->reset();
  fmt::print("{} rows published, {} rejected, {} earlier than the row before\n",
             rows, rejects, backwards);
  if (rejects != 0)
    fmt::print("rejected lines: {}\n", reject_path);
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace millrace::nodes
