#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace millrace::torq {

/// Writes one ended period into an HDB directory on the node's pool: its stages
/// side by side, no thread waiting for another.
class write_down : public std::enable_shared_from_this<write_down> {
public:
  /// The manifest version that holds the period, or why it does not.
  using done = std::function<void(manifest_version, const error&)>;

  /// Runs `finished` once, on some thread. `locked` while another process
  /// writes there: ask again later. `fenced` when there is no database, and
  /// `was_there`: none is made in the place of one that is gone.
  /// @param was_there reads files; asked on some thread
  static void start(persistence::env& world, std::string directory,
                    std::function<bool()> was_there,
                    persistence::period_request request, done finished);

private:
  write_down(persistence::env& world, std::string directory,
             std::function<bool()> was_there, done finished);

  void open(persistence::period_request request);
  void run_stage();
  void end_of_job(const error& fault);
  void finish(const error& fault);

  persistence::env* env_;
  std::string directory_;
  std::function<bool()> was_there_;
  done finished_;
  std::unique_ptr<persistence::hdb_writer> writer_;
  std::unique_ptr<persistence::period_write> write_;
  std::atomic<size_t> running_{0};
  std::mutex mutex_;
  error first_fault_;
};

} // namespace millrace::torq
