#pragma once

#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <deque>
#include <mutex>

namespace millrace::rt {

/// How much of what was published is in the publisher's log, as its caller
/// counts it (rows, messages): a full disk may keep the last of it out. Thread
/// safe.
class recorded_count {
public:
  /// @param end of the message's token; ascends
  void add(position end, uint64_t count) {
    const std::scoped_lock held{mutex_};
    waiting_.push_back({end, count});
  }

  /// @param recorded what `publisher::reached` says of `ack_level::recorded`
  [[nodiscard]] uint64_t up_to(position recorded) {
    const std::scoped_lock held{mutex_};
    for (; !waiting_.empty() && waiting_.front().end <= recorded;
         waiting_.pop_front())
      recorded_ += waiting_.front().count;
    return recorded_;
  }

private:
  struct published {
    position end;
    uint64_t count = 0;
  };
  std::mutex mutex_;
  std::deque<published> waiting_; ///< Not known to be in the log.
  uint64_t recorded_ = 0;
};

} // namespace millrace::rt
