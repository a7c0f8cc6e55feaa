#pragma once

#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/feed/source/source.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/process_host.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace millrace::nodes {

/// What a feed handler publishes, wherever its rows come from.
struct feed_plan {
  std::string process; ///< Its publisher's directory is `<process>.<stream>`.
  std::string stream;
  std::optional<uint64_t> roll_bytes; ///< Of its log; none: the stream's.
  std::shared_ptr<feed::batch_source> source;
  torq::feed_work::options work;
  std::shared_ptr<torq::feed_progress> progress
    = std::make_shared<torq::feed_progress>();
  /// What the source adds up, for `status`.
  std::shared_ptr<const feed::batch_source_counters> read;
  /// Called once: no error when the last row is merged.
  std::function<void(const error&)> on_done;
};

/// A feed handler, and what it publishes through.
struct running_feed {
  feed_actor handle;
  std::shared_ptr<rt::publisher> out;
  std::vector<pusher_actor> replicators;
};

/// Opens the publisher of a feed (`locked` when another has it) with its
/// replicator, and starts the feed handler.
[[nodiscard]] result<running_feed> start_feed_handler(process_host& host,
                                                      feed_plan plan);

/// What a feed run adds to its process's configuration.
struct feed_run {
  bool again = false;
  bool go_on = false;      ///< See feed::reader_options.
  std::string reject_path; ///< Empty: `<log_path>/<process>.rejects.txt`.
  /// A reject file whose lines are fed instead of files; empty: none.
  std::string only_rejects;
  feed::source_choice choice;
  std::function<void(const error&)> on_done;
  /// What it reads adds up here.
  std::shared_ptr<feed::batch_source_counters> read
    = std::make_shared<feed::batch_source_counters>();
};

/// The batches of a feed process's files, read as its table has them.
/// @param named_by_text see feed::reader_options
/// @pre the table is of the configuration
[[nodiscard]] result<std::shared_ptr<feed::batch_source>>
files_of(persistence::env& world, const cluster_config& config,
         const process_config& process, const std::string& reject_path,
         const feed_run& run, bool named_by_text);

struct feed_process {
  running_feed feed;
  std::string stream;
  std::shared_ptr<torq::feed_progress> progress;
  /// For a progress bar.
  std::shared_ptr<const feed::batch_source_counters> read;
  std::string reject_path;
};

/// Starts the feed handler of a `feed` process on its files or its generator.
[[nodiscard]] result<feed_process>
start_feed_process(process_host& host, const process_config& process,
                   feed_run run);

/// What a feed would publish.
struct feed_check {
  uint64_t rows = 0;
  int64_t first_time = null_long; ///< Of the first and last row that has one.
  int64_t last_time = null_long;
  error fault; ///< What ended the reading before its time.
  std::shared_ptr<const feed::batch_source_counters> read;
};

/// Reads all files of a `feed` process from their start, and publishes nothing.
/// @param run as of a feed; without `reject_path` rejected lines are only
/// counted
/// @param interrupted asked once per batch
[[nodiscard]] result<feed_check>
check_feed(persistence::env& world, const cluster_config& config,
           const process_config& process, feed_run run,
           const std::function<bool()>& interrupted);

} // namespace millrace::nodes
