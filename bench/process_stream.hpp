#pragma once

#include <millrace/bench/stream_peers.hpp>

#include <string>
#include <vector>

namespace millrace::bench {

/// Our stream with publisher, RT node and subscriber in a process each,
/// connected by CAF over loopback.
class process_stream {
public:
  /// `directory` is emptied by each measurement.
  explicit process_stream(std::string directory)
    : directory_{std::move(directory)} {}

  /// Messages per second from the first publish to the last callback.
  [[nodiscard]] result<double> throughput(const stream_load& load);
  /// Nanoseconds from when each message was due to its callback.
  [[nodiscard]] result<std::vector<int64_t>> latency(const stream_load& load,
                                                     double rate);

private:
  std::string directory_;
};

// The parts in processes of their own.

/// DIRECTORY
[[nodiscard]] error stream_node(const std::vector<std::string>& words);
/// PORT DIRECTORY MESSAGES BYTES RATE; a rate of 0: as fast as it goes.
[[nodiscard]] error stream_publisher(const std::vector<std::string>& words);
/// PORT MESSAGES throughput|latency
[[nodiscard]] error stream_subscriber(const std::vector<std::string>& words);

} // namespace millrace::bench
