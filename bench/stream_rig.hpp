#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

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

/// A failure that a subscription told while somebody waited. Thread safe.
class told {
public:
  /// Keeps the first one, and wakes those that wait for `arrivals`.
  [[nodiscard]] std::function<void(const error&)>
  sink(std::vector<arrivals*> wakes) {
    return [this, wakes = std::move(wakes)](const error& why) {
      {
        const std::scoped_lock lock{mutex_};
        if (!fault_)
          fault_ = why;
      }
      for (auto* each : wakes)
        each->finish();
    };
  }
  [[nodiscard]] error what() {
    const std::scoped_lock lock{mutex_};
    return fault_;
  }

private:
  std::mutex mutex_;
  error fault_;
};

/// The name of a node of `bench_cluster`, and of its rt process.
[[nodiscard]] std::string bench_node(size_t index);
[[nodiscard]] std::string bench_rt(size_t index);

/// A cluster of one stream, "bench", whose nodes keep their files below
/// `directory` and publishers theirs in pub/ there; and of a table "trade".
/// @param ports where its nodes are found; 0: in the process itself.
[[nodiscard]] nodes::cluster_config
bench_cluster(const std::string& directory, bool cached,
              const std::vector<uint16_t>& ports = {0});

/// A publisher of it that has heard from its node.
[[nodiscard]] result<std::shared_ptr<rt::publisher>>
verified_publisher(nodes::runtime& host, const std::string& name = "localhost");

struct reading {
  start_spec start;
  std::string local_copy; ///< Its directory; empty: none is kept.
  std::function<void(const rt::message&)> on_message;
  std::function<void(const error&)> on_failure;
};
/// Delivers until `host` ends.
[[nodiscard]] error read_stream(nodes::runtime& host, reading what);

/// All of them in this process, as the library runs them.
class stream_rig {
public:
  /// `directory` is emptied.
  [[nodiscard]] static result<std::unique_ptr<stream_rig>>
  create(const std::string& directory, bool cached);

  [[nodiscard]] rt::publisher& publisher() noexcept { return *publisher_; }
  [[nodiscard]] nodes::runtime& host() noexcept { return *host_; }

  [[nodiscard]] error subscribe(reading what) {
    return read_stream(*host_, std::move(what));
  }

private:
  stream_rig() = default;

  std::unique_ptr<nodes::runtime> host_;
  std::shared_ptr<rt::publisher> publisher_;
};

} // namespace millrace::bench
