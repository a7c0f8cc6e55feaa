#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/nodes/node/runtime.hpp>

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

// The actors of a stream "bench", each in whichever process hosts it. `rt` is
// where the node is found.

/// The RT node, on the disk; actors of `host` find it as "rt/bench".
[[nodiscard]] error host_node(nodes::runtime& host,
                              const std::string& directory, bool cached);
/// A publisher that has heard from its node.
[[nodiscard]] result<std::shared_ptr<rt::publisher>>
host_publisher(nodes::runtime& host, const endpoint& rt,
               const std::string& directory, bool cached);

struct reading {
  start_spec start;
  std::string local_copy; ///< Its directory; empty: none is kept.
  std::function<void(const rt::message&)> on_message;
  std::function<void(const error&)> on_failure;
};
/// A subscriber that delivers until `host` ends.
void host_subscriber(nodes::runtime& host, const endpoint& rt, reading what);

/// All of them in this process, as the library runs them.
class stream_rig {
public:
  /// `directory` is emptied.
  [[nodiscard]] static result<std::unique_ptr<stream_rig>>
  create(const std::string& directory, bool cached);

  [[nodiscard]] rt::publisher& publisher() noexcept { return *publisher_; }
  [[nodiscard]] nodes::runtime& host() noexcept { return *host_; }
  [[nodiscard]] endpoint rt() const { return {{}, 0, "rt/bench"}; }

  void subscribe(reading what) {
    host_subscriber(*host_, rt(), std::move(what));
  }

private:
  stream_rig() = default;

  std::unique_ptr<nodes::runtime> host_;
  std::shared_ptr<rt::publisher> publisher_;
};

} // namespace millrace::bench
