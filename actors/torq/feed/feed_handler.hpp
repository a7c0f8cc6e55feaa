#pragma once

#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/feed/source/pacer.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace millrace::torq {

/// Where rows come from. Runs on a pool thread, one call at a time.
class batch_source {
public:
  virtual ~batch_source() = default;
  /// Called once, with the last cursor published of each source.
  virtual error open(const std::vector<source_cursor>& published) = 0;
  /// The next batch; none at the end.
  virtual result<std::optional<feed::parsed_batch>> next() = 0;
  /// The period that is to end before the batch that `next` has just given is
  /// published; told once. Sources that follow the world's clock have none.
  virtual std::optional<int64_t> period_over() { return std::nullopt; }
  /// Called after the last batch: rejects are kept safe here.
  virtual error close() { return {}; }
};

/// What a feed has done so far. Any thread may read it.
struct feed_progress {
  std::atomic<uint64_t> rows{0};
  std::atomic<uint64_t> batches{0};
  std::atomic<bool> connected{false}; ///< RT answered at least once.
  std::atomic<bool> merged{false};    ///< Everything is ordered by RT.
};

struct feed_settings {
  std::string process;
  std::string stream;
  endpoint rt;
  feed::replay_speed speed;
  bool again = false; ///< Publish from the start whatever was published before.
  /// Schemas that are announced in the stream before the first row.
  std::vector<table_schema> schemas;
  /// Published and not yet merged bytes above which reading waits.
  uint64_t backlog_bytes_max = uint64_t{256} << 20;
  std::shared_ptr<feed_progress> progress = std::make_shared<feed_progress>();
  /// Called once: no error when the last row is merged.
  std::function<void(const error&)> on_done;
};

/// State of the FEED HANDLER: reads a source on the pool and publishes its
/// batches. Never drops: its publisher log is the buffer.
struct feed_handler_state {
  static constexpr const char* name = "feed-handler";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit feed_handler_state(feed_actor::pointer owner) : self{owner} {}

  struct shared_work;

  void start(connector_actor connector);
  void submit();
  void job_done(bool finished, int64_t due_ns, const error& fault);
  /// Has the stream end `ending`, and goes on behind the marker.
  void end_period();
  void tick();
  void finish(const error& fault);
  [[nodiscard]] std::string status() const;

  feed_actor::pointer self;
  persistence::env* env = nullptr;
  feed_settings settings;
  std::shared_ptr<rt::publisher> out;
  std::shared_ptr<shared_work> work;
  brood children;
  pusher_actor replicator;
  connector_actor connector;
  std::optional<int64_t> ending; ///< Rows wait until this period has ended.
  bool ending_asked = false;
  error last_failure; ///< To end a period; tried again.
  bool job_running = false;
  bool exhausted = false;
  bool ended = false;
  int64_t due_ns = 0;
};

feed_actor::behavior_type
feed_handler(feed_actor::stateful_pointer<feed_handler_state> self,
             persistence::env* world, feed_settings settings,
             std::shared_ptr<rt::publisher> out,
             std::shared_ptr<batch_source> source, connector_actor connector);

} // namespace millrace::torq
