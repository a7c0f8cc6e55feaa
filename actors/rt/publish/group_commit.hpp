#pragma once

#include <millrace/actors/rt/publish/origin_doubt.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/header.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace millrace::rt {

/// How safe a published message is; each level implies those before it.
enum class ack_level : uint8_t {
  recorded = 0,  ///< In the page cache of this host: survives kill -9.
  synced = 1,    ///< Survives a power cut of this host.
  committed = 2, ///< Ordered, and durable on the RT nodes.
};

/// When what was appended to a publisher's log is written, synced and known to
/// be committed: many messages at a time. Holds the lock of the publisher.
/// Thread safe.
class group_commit {
public:
  struct settings {
    std::string directory; ///< For messages.
    bool cached = false;   ///< "Written" stands for "synced".
    bool journal = false;  ///< Nobody orders this log: synced is committed.
  };

  /// @param doubt is told of writes under the lock; outlives this.
  group_commit(persistence::env& world,
               std::unique_ptr<persistence::log_writer> writer,
               origin_doubt& doubt, settings how);
  ~group_commit(); ///< Waits for jobs that run.
  group_commit(const group_commit&) = delete;
  group_commit& operator=(const group_commit&) = delete;

  // With the lock held, for one message after the other.

  [[nodiscard]] std::unique_lock<std::mutex> lock() const {
    return std::unique_lock{mutex_};
  }
  /// Why nothing of this log will be committed; none while it may be.
  [[nodiscard]] const error& refusal() const noexcept { return refusal_; }
  void take_back_refusal() { refusal_ = {}; }
  /// What ended the log for good; none while it lives.
  [[nodiscard]] const error& failure() const noexcept { return failure_; }
  /// Appends a message to the buffer; `no_space` while a full disk keeps an
  /// earlier one there, which is tried again first.
  [[nodiscard]] result<position> append(payload_kind kind,
                                        const message_header& header,
                                        std::span<const std::byte> payload);
  /// The same of a record without an id, which says something to the merge.
  [[nodiscard]] result<position> announce(persistence::record_kind kind,
                                          payload_kind what,
                                          const message_header& header,
                                          std::span<const std::byte> payload);
  /// Writes an event of the log itself, for those that merge it.
  /// @returns its end; after a full disk it is written later.
  [[nodiscard]] result<position> append(const stream_event& event);
  /// Writes what is buffered if it is time, or has it written soon. A full disk
  /// is told to the next caller.
  [[nodiscard]] error appended_at(int64_t now_ns);

  // Without the lock.

  /// Blocks until `end` has reached the level. `timeout` says how far it got,
  /// and what becomes of it; a refusal is told at once.
  [[nodiscard]] error await(position end, ack_level level,
                            std::chrono::milliseconds deadline);
  /// Blocks until `done`, which is asked under the lock after each change.
  /// @returns whether it was in time.
  template <class Done>
  [[nodiscard]] bool wait_until(Done done, std::chrono::milliseconds deadline) {
    std::unique_lock held{mutex_};
    return changed_.wait_for(held, deadline, done);
  }
  /// Wakes the threads that wait. With the lock held.
  void notify() { changed_.notify_all(); }

  [[nodiscard]] position reached(ack_level level) const;
  [[nodiscard]] position appended_end() const;
  [[nodiscard]] bool is_disk_full() const;
  [[nodiscard]] uint64_t messages() const;
  /// A sync of what is not synced yet begins soon, if syncs are of use here.
  void want_sync();
  void set_committed(position end);
  void refuse(const error& why);
  /// Seals, syncs, ends. Idempotent.
  [[nodiscard]] error close();
  /// Tries again what a full disk refused.
  void retry();
  /// Goes on in a new file, where `damage` lies in the newest one; not while a
  /// disk refuses what is buffered.
  void pass(position damage);
  /// Looks whether the newest file is still the one that is written, and whole.
  /// One that was moved, removed or replaced is put back; after one that was
  /// cut it goes on in a new file, so that RT comes past what is gone.
  /// @returns what was found, and became of it; empty: nothing.
  [[nodiscard]] std::string look_after_file();

  /// Called under the lock after each write; see publisher::listener.
  using listener = std::function<void(position begin, position end,
                                      std::span<const std::byte> bytes)>;
  [[nodiscard]] uint64_t listen(listener on_write);
  void unlisten(uint64_t number);
  [[nodiscard]] bool pull(bool insist);

  static constexpr std::chrono::milliseconds write_interval_max{1};

private:
  error write();
  error keep(const error& fault);
  void go_on_in_next_file();
  [[nodiscard]] bool is_time(int64_t now_ns) const;
  [[nodiscard]] position reached_now(ack_level level) const;
  void schedule_flush();
  void run_flush();
  void schedule_sync();
  void run_sync();

  persistence::env* env_;
  origin_doubt* doubt_;
  settings settings_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<persistence::log_writer> writer_;
  position committed_;
  uint64_t messages_ = 0; ///< That were appended.
  int64_t last_write_ns_ = 0;
  /// A listener waits for bytes. Set without the lock.
  std::atomic<bool> pulled_{true};
  bool out_of_space_ = false;
  bool flush_pending_ = false;
  bool sync_running_ = false;
  bool sync_wanted_ = false;
  error failure_;
  error refusal_;
  std::map<uint64_t, listener> listeners_;
  uint64_t listener_last_ = 0;
};

} // namespace millrace::rt
