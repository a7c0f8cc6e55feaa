#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/client/feed_session.hpp>

namespace millrace::nodes {

using namespace std::chrono_literals;

namespace {
/// How long a feed waits for the first answer of RT.
constexpr int64_t connect_ns_max = 10'000'000'000;
} // namespace

result<std::unique_ptr<feed_session>>
feed_session::start(const cluster_config& config, const process_config& process,
                    feed_run run) {
  auto host = runtime::create({.config = config});
  if (!host)
    return host.failure();
  std::unique_ptr<feed_session> made{new feed_session};
  run.on_done = [end = made->end_](const error& fault) {
    const std::scoped_lock lock{end->mutex};
    end->done = true;
    end->fault = fault;
    end->changed.notify_all();
  };
  auto feed = start_feed_process(**host, process, std::move(run));
  if (!feed)
    return feed.failure();
  made->host_ = *std::move(host);
  made->out_ = feed->feed.out;
  made->stream_ = feed->stream;
  made->progress_ = feed->progress;
  made->read_ = feed->read;
  made->reject_path_ = feed->reject_path;
  return made;
}

feed_session::~feed_session() { (void)close(); }

error feed_session::wait(const std::function<bool()>& interrupted,
                         const std::function<void(bool)>& progress) {
  auto& clock = *host_->env().clock;
  const auto give_up_ns = clock.monotonic_ns() + connect_ns_max;
  std::unique_lock lock{end_->mutex};
  while (!end_->done && !interrupted()) {
    end_->changed.wait_for(lock, 100ms);
    if (!end_->done && !progress_->connected
        && clock.monotonic_ns() > give_up_ns)
      return {errc::unavailable,
              "stream '" + stream_ + "': its rt does not answer within "
                + std::to_string(connect_ns_max / 1'000'000'000)
                + " s; is the cluster up?"};
    if (progress)
      progress(end_->done);
  }
  if (!end_->done)
    return {errc::cancelled,
            "interrupted; run the same command again to go on"};
  return end_->fault;
}

result<position> feed_session::stream_end() {
  return nodes::stream_end(*host_, host_->config(), stream_);
}

error feed_session::close() {
  error fault;
  if (out_)
    fault = out_->close();
  out_.reset();
  host_.reset();
  return fault;
}

} // namespace millrace::nodes
