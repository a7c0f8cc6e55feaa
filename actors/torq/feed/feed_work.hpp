#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/publish/reached_count.hpp>
#include <millrace/actors/torq/feed/feed_course.hpp>
#include <millrace/actors/torq/feed/feed_resume.hpp>
#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/feed/source/pacer.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace millrace::torq {

/// What a feed has done so far. Any thread may read it.
struct feed_progress {
  std::atomic<uint64_t> rows{0}; ///< Handed to the publisher.
  rt::reached_count recorded;    ///< Those of them that are in its log.
  std::atomic<uint64_t> batches{0};
  std::atomic<bool> connected{false}; ///< RT answered at least once.
  std::atomic<bool> merged{false};    ///< Everything is ordered by RT.
};

/// What a feed's jobs on the pool work on: one job at a time.
class feed_work {
public:
  struct options {
    feed::replay_speed speed;
    /// Announced in the stream before the first row.
    std::vector<table_schema> schemas;
    bool again = false; ///< From the start, whatever was published before.
    /// Published and not yet merged bytes above which reading waits.
    uint64_t backlog_bytes_max = uint64_t{256} << 20;
  };

  feed_work(persistence::env& world, std::shared_ptr<rt::publisher> out,
            std::shared_ptr<feed::batch_source> source,
            std::shared_ptr<feed_progress> progress, options given);

  /// Reads and publishes for a while; the first time it resumes the source.
  [[nodiscard]] feed_course::slice_done run();

private:
  [[nodiscard]] error open();
  /// Publishes the schemas that are not published yet.
  [[nodiscard]] error announce();
  [[nodiscard]] bool full();
  [[nodiscard]] error publish(const feed::parsed_batch& batch);

  persistence::env* env_;
  std::shared_ptr<rt::publisher> out_;
  std::shared_ptr<feed::batch_source> source_;
  std::shared_ptr<feed_progress> progress_;
  options options_;
  feed::pacer pacer_;

  bool opened_ = false;
  size_t announced_ = 0;                      ///< Schemas.
  std::optional<feed::parsed_batch> waiting_; ///< Read, but not yet due.
  uint64_t published_bytes_ = 0;
  rt::reached_count merged_bytes_;
};

} // namespace millrace::torq
