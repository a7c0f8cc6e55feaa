#pragma once

#include <millrace/actors/rt/publisher.hpp>
#include <millrace/actors/rt/pusher.hpp>
#include <millrace/actors/rt/subscriber.hpp>
#include <millrace/nodes/runtime.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace millrace::bench {

/// Counts deliveries, and lets one thread wait for the last of them.
class arrivals {
public:
  /// From the delivering thread.
  void add() noexcept {
    if (count_.fetch_add(1, std::memory_order_relaxed) + 1 == wanted_)
      finish();
  }
  void finish() noexcept {
    done_.store(true);
    done_.notify_all();
  }
  /// Before the first delivery.
  void expect(uint64_t count) noexcept {
    wanted_ = count;
    count_ = 0;
    done_ = false;
  }
  void wait() const noexcept { done_.wait(false); }
  [[nodiscard]] bool complete() const noexcept { return count_ == wanted_; }

private:
  std::atomic<uint64_t> count_{0};
  std::atomic<bool> done_{false};
  uint64_t wanted_ = 0;
};

/// A stream in this process as its library runs it: one RT node on the disk,
/// one publisher, subscribers without local copies.
class stream_rig {
public:
  /// `directory` is emptied.
  [[nodiscard]] static result<std::unique_ptr<stream_rig>>
  create(const std::string& directory, bool cached);

  [[nodiscard]] rt::publisher& publisher() noexcept { return *publisher_; }
  [[nodiscard]] nodes::runtime& host() noexcept { return *host_; }
  [[nodiscard]] endpoint rt() const { return {{}, 0, "rt/bench"}; }

  /// Starts a subscriber that calls `on_message` until this rig ends.
  void subscribe(start_spec start,
                 std::function<void(const rt::message&)> on_message,
                 std::function<void(const error&)> on_failure);

private:
  stream_rig() = default;

  std::unique_ptr<nodes::runtime> host_;
  std::shared_ptr<rt::publisher> publisher_;
};

} // namespace millrace::bench
