#pragma once

#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <deque>
#include <mutex>

namespace millrace::rt {

/// How much of what was published has reached a level, as its caller counts it
/// (rows, messages, bytes). Thread safe.
class reached_count {
public:
  /// @param end of the message's token; ascends
  void add(position end, uint64_t count) {
    const std::scoped_lock held{mutex_};
    waiting_.push_back({end, count});
  }

  /// @param reached what `publisher::reached` says of the level; ascends
  uint64_t up_to(position reached) {
    const std::scoped_lock held{mutex_};
    for (; !waiting_.empty() && waiting_.front().end <= reached;
         waiting_.pop_front())
      reached_ += waiting_.front().count;
    return reached_;
  }

private:
  struct published {
    position end;
    uint64_t count = 0;
  };
  std::mutex mutex_;
  std::deque<published> waiting_; ///< Not known to have reached it.
  uint64_t reached_ = 0;
};

} // namespace millrace::rt
