#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/nodes/servers/port/listener.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::nodes::kdb {

/// What came of a question that the gateway was asked.
struct question_done {
  connection_id from = 0;
  uint64_t request = 0;
  result<std::string> message = std::string{}; ///< Whole, for the client.
  std::vector<std::string> warnings{};         ///< Why rows may be missing.
};

/// Rows of a stream, as its publisher sent them.
struct stream_rows {
  std::string stream;
  chunk batch;
};
/// What a stream brings from now on comes.
struct stream_begun {
  std::string stream;
};
struct period_ended {
  std::string stream;
  int64_t period = 0;
};
/// What happened to a stream: it lost something, or is not followed any more.
struct stream_told {
  std::string stream;
  std::string text;
  bool is_over = false; ///< Nothing comes of it any more.
};

using door_input = std::variant<connection_event, question_done, stream_rows,
                                stream_begun, period_ended, stream_told>;

/// What other threads tell a door, in order; it is woken when something is
/// there. Thread safe.
class door_inbox {
public:
  using waker = std::function<void()>;
  explicit door_inbox(waker wake) : wake_{std::move(wake)} {}

  void put(door_input what) {
    const std::scoped_lock lock{mutex_};
    add(std::move(what));
  }
  /// Whether nobody takes anything any more.
  [[nodiscard]] bool is_closed() {
    const std::scoped_lock lock{mutex_};
    return !wake_;
  }
  /// false: too many wait to be taken.
  [[nodiscard]] bool offer(stream_rows what) {
    const std::scoped_lock lock{mutex_};
    if (row_bytes_ > row_bytes_max)
      return false;
    row_bytes_ += what.batch.size();
    add(std::move(what));
    return true;
  }
  [[nodiscard]] std::vector<door_input> take() {
    const std::scoped_lock lock{mutex_};
    row_bytes_ = 0;
    return std::exchange(inputs_, {});
  }
  /// Nobody takes anything any more.
  void close() {
    const std::scoped_lock lock{mutex_};
    wake_ = nullptr;
    inputs_.clear();
  }

private:
  static constexpr size_t row_bytes_max = 16u << 20;

  void add(door_input what) {
    if (!wake_)
      return;
    inputs_.push_back(std::move(what));
    if (inputs_.size() == 1)
      wake_();
  }

  std::mutex mutex_;
  size_t row_bytes_ = 0; ///< Of what waits.
  waker wake_;
  std::vector<door_input> inputs_;
};

} // namespace millrace::nodes::kdb
