#pragma once

#include <millrace/bench/outcome.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace millrace::bench {

/// What every stream is asked to carry.
struct stream_load {
  uint64_t messages = 0;
  size_t bytes = 100; ///< Of a payload.
  /// Messages published and not yet acknowledged, at most, per publisher.
  uint64_t window = 1'000;
  /// Those that publish an equal share each, and those that read all of it.
  size_t publishers = 1;
  size_t subscribers = 1;
};

/// JetStream with file storage, over its own protocol: no client library stands
/// in between. With several servers the stream has a replica on each, and those
/// that use it are connected to the one that leads it.
class jetstream_peer {
public:
  explicit jetstream_peer(std::string directory, size_t servers = 1)
    : directory_{std::move(directory)}, servers_{servers} {}

  /// Messages per second from the first publish to the last delivery to a push
  /// consumer without acknowledgements (what an ordered consumer is).
  [[nodiscard]] result<double> throughput(const stream_load& load);
  /// Messages per second of a consumer that starts after `load.messages`.
  [[nodiscard]] result<double> replay(const stream_load& load);
  /// Nanoseconds from when each message was due to its delivery.
  [[nodiscard]] result<std::vector<int64_t>> latency(const stream_load& load,
                                                     double rate);

private:
  std::string directory_;
  size_t servers_;
};

/// Redis Streams with the append-only file synced before each answer.
class redis_peer {
public:
  explicit redis_peer(std::string directory)
    : directory_{std::move(directory)} {}

  /// Acknowledged XADDs per second, `load.window` of them in a pipeline.
  [[nodiscard]] result<double> throughput(const stream_load& load);
  /// Messages per second that XREAD COUNT 1000 gives from the start.
  [[nodiscard]] result<double> replay(const stream_load& load);

private:
  std::string directory_;
};

/// Calls `publish(due)` at `rate` per second, with the time each was due.
/// Sleeps 20 us at a time, as a publisher does that leaves the processors to
/// others: how late it wakes up counts, for all that are measured alike.
template <class Publish>
error at_rate(double rate, uint64_t count, Publish publish) {
  const auto begin = now_ns();
  for (uint64_t i = 0; i < count; ++i) {
    const auto due
      = begin + static_cast<int64_t>(static_cast<double>(i) * 1e9 / rate);
    while (now_ns() < due) {
      // lint: allow(sleep): the pace of a load, nothing is waited for
      std::this_thread::sleep_for(std::chrono::microseconds{20});
    }
    if (auto fault = publish(due))
      return fault;
  }
  return {};
}

} // namespace millrace::bench
