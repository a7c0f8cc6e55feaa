#pragma once

#include <millrace/messages/base/result.hpp>
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

using door_input = std::variant<connection_event, question_done>;

/// What other threads tell a door, in order; it is woken when something is
/// there. Thread safe.
class door_inbox {
public:
  using waker = std::function<void()>;
  explicit door_inbox(waker wake) : wake_{std::move(wake)} {}

  void put(door_input what) {
    const std::scoped_lock lock{mutex_};
    inputs_.push_back(std::move(what));
    if (inputs_.size() == 1 && wake_)
      wake_();
  }
  [[nodiscard]] std::vector<door_input> take() {
    const std::scoped_lock lock{mutex_};
    return std::exchange(inputs_, {});
  }
  /// Nobody takes anything any more.
  void close() {
    const std::scoped_lock lock{mutex_};
    wake_ = nullptr;
    inputs_.clear();
  }

private:
  std::mutex mutex_;
  waker wake_;
  std::vector<door_input> inputs_;
};

} // namespace millrace::nodes::kdb
