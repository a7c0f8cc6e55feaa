#pragma once

#include <millrace/nodes/assembly/feed_process.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace millrace::nodes {

/// A feed outside a node, from its first row to its last, with a runtime of
/// its own: what `millrace feed` runs. One owner.
class feed_session {
public:
  /// @param run `on_done` is the session's own and must be empty.
  [[nodiscard]] static result<std::unique_ptr<feed_session>>
  start(const cluster_config& config, const process_config& process,
        feed_run run);
  /// As `close`, whatever it says.
  ~feed_session();
  feed_session(const feed_session&) = delete;
  feed_session& operator=(const feed_session&) = delete;

  struct listener {
    std::function<bool()> interrupted;
    /// Of a bar.
    std::function<void(bool last)> progress;
    /// Told soon when RT does not run, and now and then while it stands still:
    /// what is waited for.
    std::function<void(const std::string&)> waiting;
  };
  /// Blocks until the last row is merged, the feed failed, no RT runs where it
  /// should (`unavailable`), or `interrupted` says so (`cancelled`). RT that
  /// stands still is waited for, and one that answered once. The functions are
  /// called every 100 ms; those that are empty are not. The publisher stays
  /// connected: the end of a period needs no grace for it.
  [[nodiscard]] error wait(const listener& to);
  /// Where its stream ends now: after `wait` not before the last row.
  [[nodiscard]] result<position> stream_end();
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }
  /// Ends the feed's actors and seals its log. Idempotent.
  [[nodiscard]] error close();

  /// Rows that are in the publisher's log; after `close` no more come.
  [[nodiscard]] uint64_t recorded() const;
  /// What an interrupted feed leaves, and how it is gone on with. After
  /// `close`: until then more is recorded.
  [[nodiscard]] std::string interruption() const;

  /// Counters: they outlive `close`.
  [[nodiscard]] const torq::feed_progress& progress() const noexcept {
    return *progress_;
  }
  [[nodiscard]] const feed::batch_source_counters& read() const noexcept {
    return *read_;
  }
  [[nodiscard]] const std::string& reject_path() const noexcept {
    return reject_path_;
  }
  /// Or a terminal: what it gives comes once.
  [[nodiscard]] bool reads_pipe() const noexcept { return reads_pipe_; }
  /// Of the publisher's log.
  [[nodiscard]] const std::string& directory() const noexcept {
    return directory_;
  }

private:
  feed_session() = default;

  struct ending {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    error fault;
  };

  std::shared_ptr<ending> end_ = std::make_shared<ending>();
  std::unique_ptr<runtime> host_;
  std::shared_ptr<rt::publisher> out_;
  std::shared_ptr<torq::feed_progress> progress_;
  std::shared_ptr<const feed::batch_source_counters> read_;
  /// What RT keeps waiting.
  [[nodiscard]] std::string waiting_text() const;
  /// Whether an rt of the stream answers within the deadline, or holds its port
  /// and stands still.
  [[nodiscard]] bool rt_runs(std::chrono::milliseconds deadline) const;
  [[nodiscard]] std::string recorded_text() const;

  std::string reject_path_;
  std::string directory_;
  std::string stream_;
  std::vector<endpoint> rt_;
  bool reads_pipe_ = false;
  position recorded_end_; ///< When it was closed.
};

} // namespace millrace::nodes
