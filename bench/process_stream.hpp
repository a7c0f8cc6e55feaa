#pragma once

#include <millrace/bench/stream_peers.hpp>

#include <string>
#include <vector>

namespace millrace::bench {

struct process_stream_options {
  std::string directory; ///< Is emptied by each measurement.
  bool cached = true;
  size_t nodes = 1; ///< 1, 3 or 5.
  /// One more subscriber, which stands still before the first publish.
  bool stopped_subscriber = false;
};

/// Our stream with publisher, RT nodes and subscriber in a process each,
/// connected by CAF over loopback.
class process_stream {
public:
  explicit process_stream(process_stream_options how) : how_{std::move(how)} {}

  /// Messages per second from the first publish to the last callback.
  [[nodiscard]] result<double> throughput(const stream_load& load);
  /// The largest memory of a node in the last measurement of throughput.
  [[nodiscard]] uint64_t node_bytes() const noexcept { return node_bytes_; }
  /// Nanoseconds from when each message was due to its callback.
  [[nodiscard]] result<std::vector<int64_t>> latency(const stream_load& load,
                                                     double rate);

private:
  process_stream_options how_;
  uint64_t node_bytes_ = 0;
};

// The parts in processes of their own.

/// DIRECTORY cached|synced PORTS INDEX: one of the nodes.
[[nodiscard]] error stream_node(const std::vector<std::string>& words);
/// PORTS DIRECTORY MESSAGES BYTES RATE PUBLISHERS, which take turns; a rate of
/// 0: as fast as it goes.
[[nodiscard]] error stream_publisher(const std::vector<std::string>& words);
/// PORTS MESSAGES throughput|latency SUBSCRIBERS
[[nodiscard]] error stream_subscriber(const std::vector<std::string>& words);

} // namespace millrace::bench
