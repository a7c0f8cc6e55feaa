#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace::nodes {

/// What other threads tell the actor of a port, in order; it is woken when
/// something is there. Thread safe.
template <class Input>
class port_inbox {
public:
  explicit port_inbox(std::function<void()> wake) : wake_{std::move(wake)} {}

  void put(Input what) {
    const std::scoped_lock lock{mutex_};
    add(std::move(what));
  }
  /// Whether nobody takes anything any more.
  [[nodiscard]] bool is_closed() {
    const std::scoped_lock lock{mutex_};
    return !wake_;
  }
  [[nodiscard]] std::vector<Input> take() {
    const std::scoped_lock lock{mutex_};
    offered_bytes_ = 0;
    return std::exchange(inputs_, {});
  }
  /// Nobody takes anything any more.
  void close() {
    const std::scoped_lock lock{mutex_};
    wake_ = nullptr;
    inputs_.clear();
  }
  /// As `put`; false: more than `bytes_max` of what was offered waits.
  [[nodiscard]] bool offer(Input what, size_t bytes, size_t bytes_max) {
    const std::scoped_lock lock{mutex_};
    if (offered_bytes_ > bytes_max)
      return false;
    offered_bytes_ += bytes;
    add(std::move(what));
    return true;
  }

private:
  void add(Input what) {
    if (!wake_)
      return;
    inputs_.push_back(std::move(what));
    if (inputs_.size() == 1)
      wake_();
  }

  std::mutex mutex_;
  std::function<void()> wake_;
  std::vector<Input> inputs_;
  size_t offered_bytes_ = 0; ///< Of what waits.
};

} // namespace millrace::nodes
