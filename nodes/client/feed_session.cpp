#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/client/declared_tables.hpp>
#include <millrace/nodes/client/feed_session.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/node/start_hint.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace millrace::nodes {

using namespace std::chrono_literals;

namespace {
/// How long a feed waits for the first answer of RT.
constexpr int64_t connect_ns_max = 10'000'000'000;
/// When it says that it waits for that.
constexpr int64_t say_away_ns = 1'000'000'000;
/// And how often it says that it still waits.
constexpr int64_t say_interval_ns = 10'000'000'000;

error taken(const process_config& process, const error& why) {
  return {errc::locked, "another feed publishes as '" + process.name + "' ("
                          + why.context
                          + "): wait until it is over, or feed under a name of "
                            "your own (--name)"};
}
} // namespace

result<std::unique_ptr<feed_session>>
feed_session::start(const cluster_config& config, const process_config& process,
                    feed_run run) {
  // All cores: the pool parses the files.
  auto host = runtime::create(config);
  if (!host)
    return host.failure();
  if (!process.table.empty())
    if (auto fault
        = check_declared(**host, config, process.table, rows_go::by_stream))
      return fault;
  std::unique_ptr<feed_session> made{new feed_session};
  run.on_done = [end = made->end_](const error& fault) {
    const std::scoped_lock lock{end->mutex};
    end->done = true;
    end->fault = fault;
    end->changed.notify_all();
  };
  auto feed = start_feed_process(**host, process, std::move(run));
  if (!feed)
    return feed.failure().code == errc::locked ? taken(process, feed.failure())
                                               : feed.failure();
  auto rt = endpoints_of_stream(config, feed->stream);
  if (!rt)
    return rt.failure();
  made->rt_ = *std::move(rt);
  made->host_ = *std::move(host);
  made->out_ = feed->feed.out;
  made->directory_ = feed->feed.out->directory();
  made->stream_ = feed->stream;
  made->progress_ = feed->progress;
  made->read_ = feed->read;
  made->reject_path_ = feed->reject_path;
  made->reads_pipe_ = std::any_of(
    process.files.begin(), process.files.end(), [](const std::string& path) {
      std::error_code fault;
      return !std::filesystem::is_regular_file(path, fault);
    });
  return made;
}

feed_session::~feed_session() { (void)close(); }

uint64_t feed_session::recorded() const {
  return progress_->recorded.up_to(out_ ? out_->reached(rt::ack_level::recorded)
                                        : recorded_end_);
}

/// How many rows are in the log, and how many that were read are not.
std::string feed_session::recorded_text() const {
  const auto in_log = recorded();
  const auto read = progress_->rows.load();
  const auto count = [](uint64_t rows) {
    return std::to_string(rows) + (rows == 1 ? " row" : " rows");
  };
  auto out = in_log == 0 ? "nothing is recorded yet"
                         : count(in_log) + (in_log == 1 ? " is" : " are")
                             + " recorded in " + directory_;
  if (read > in_log)
    out += ", and " + count(read - in_log) + " that "
           + (read - in_log == 1 ? "was" : "were") + " read "
           + (read - in_log == 1 ? "is" : "are") + " not";
  return out;
}

std::string feed_session::waiting_text() const {
  if (out_->is_disk_full())
    return "the disk of " + directory_ + " is full: " + recorded_text()
           + "; this feed waits for space";
  const auto why = unordered_text(*host_, stream_, rt_);
  return "stream '" + stream_ + "': its rt does not go on; " + recorded_text()
         + "; this feed waits" + (why.empty() ? "" : "; " + why);
}

bool feed_session::rt_runs(std::chrono::milliseconds deadline) const {
  // A port that listens may be that of a node which lost its rt.
  return find_stream(*host_, stream_, rt_, deadline)
         || stands_still(*host_, rt_);
}

std::string feed_session::interruption() const {
  if (!reads_pipe_)
    return "interrupted; run the same command again to go on";
  if (recorded() == 0)
    return "interrupted; nothing of what was piped in is recorded: pipe in all "
           "of it again";
  return "interrupted; of what was piped in " + recorded_text()
         + ": a pipe is another text each time, and the same command publishes "
           "them again; pipe in only what comes after those that are recorded";
}

error feed_session::wait(const listener& to) {
  auto& clock = *host_->env().clock;
  const auto away_ns = clock.monotonic_ns() + say_away_ns;
  bool told_away = false;
  auto say_ns = clock.monotonic_ns() + connect_ns_max;
  position merged;
  std::unique_lock lock{end_->mutex};
  while (!end_->done && !to.interrupted()) {
    end_->changed.wait_for(lock, 100ms);
    if (to.progress)
      to.progress(end_->done);
    const auto now = clock.monotonic_ns();
    const auto reached = out_->reached(rt::ack_level::committed);
    if (progress_->connected
        && (reached != merged || reached >= out_->appended())) {
      merged = reached;
      say_ns = now + say_interval_ns;
    }
    if (!progress_->connected)
      if (auto fault = out_->wait_verified(0ms); is_refusal(fault.code))
        return fault;
    if (!end_->done && !progress_->connected && !told_away && now >= away_ns) {
      told_away = true;
      lock.unlock();
      if (to.waiting && !rt_runs(1s))
        to.waiting("stream '" + stream_
                   + "': its rt does not run; this feed "
                     "waits for it for "
                   + std::to_string(connect_ns_max / 1'000'000'000) + " s"
                   + start_hint(host_->config(), rt_));
      else if (to.waiting && !unordered_text(*host_, stream_, rt_).empty()) {
        to.waiting(waiting_text());
        say_ns = clock.monotonic_ns() + say_interval_ns;
      }
      lock.lock();
    }
    if (end_->done || now < say_ns)
      continue;
    lock.unlock();
    if (!progress_->connected && !rt_runs(3s))
      return {errc::unavailable,
              "stream '" + stream_ + "': its rt does not answer within "
                + std::to_string(connect_ns_max / 1'000'000'000) + " s"
                + start_hint(host_->config(), rt_)};
    if (to.waiting)
      to.waiting(waiting_text());
    lock.lock();
    say_ns = now + say_interval_ns;
  }
  if (!end_->done)
    return {errc::cancelled, "interrupted"};
  // What it recorded before it failed is merged all the same.
  const auto until = clock.monotonic_ns() + say_interval_ns;
  const auto is_merged = [&] {
    return out_->reached(rt::ack_level::committed) >= out_->appended();
  };
  while (end_->fault && !is_merged() && !to.interrupted()
         && progress_->connected && clock.monotonic_ns() < until)
    end_->changed.wait_for(lock, 10ms);
  progress_->merged = progress_->merged || is_merged();
  return end_->fault;
}

result<position> feed_session::stream_end() {
  return nodes::stream_end(*host_, host_->config(), stream_);
}

error feed_session::close() {
  error fault;
  if (read_)
    *read_->stop = true; // Nothing waits for a pipe any more.
  if (out_) {
    fault = out_->close();
    recorded_end_ = out_->reached(rt::ack_level::recorded);
  }
  out_.reset();
  host_.reset();
  return fault;
}

} // namespace millrace::nodes
