#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/torq/feed/feed_handler.hpp>
#include <millrace/nodes/assembly/process_host.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace millrace::nodes {

/// What a feed run adds to its process's configuration.
struct feed_run {
  bool again = false;
  /// Periods that a generator makes; a later run with more of them resumes
  /// after the earlier one. None: as many as its configuration says.
  std::optional<uint32_t> generated_periods;
  std::string reject_path; ///< Empty: `<log_path>/<process>.rejects.txt`.
  std::function<void(const error&)> on_done;
};

struct feed_process {
  feed_actor handle;
  std::string stream;
  std::shared_ptr<rt::publisher> out;
  std::shared_ptr<torq::feed_progress> progress;
  /// Bytes read and to read, rows, rejects: for a progress bar. Any thread.
  struct counters {
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> total_bytes{0};
    std::atomic<uint64_t> rejects{0};
    std::atomic<uint64_t> backwards{0};
    /// Files, or members of archives, that go on after published rows.
    std::atomic<uint64_t> resumed{0};
  };
  std::shared_ptr<counters> read;
  std::string reject_path;
};

/// Starts the feed handler of a `feed` process: opens its publisher (`locked`
/// when another has it), its files or its generator, and publishes.
[[nodiscard]] result<feed_process>
start_feed_process(process_host& host, const process_config& process,
                   feed_run run);

} // namespace millrace::nodes
