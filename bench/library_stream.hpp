#pragma once

#include <millrace/bench/stream_peers.hpp>

#include <string>
#include <vector>

namespace millrace::bench {

/// Our stream with publisher, RT node and subscriber as actors of this process.
class library_stream {
public:
  struct options {
    std::string directory; ///< Emptied by each measurement.
    bool cached = true;
    bool local_copy = false; ///< The subscriber keeps one.
  };
  explicit library_stream(options how) : how_{std::move(how)} {}

  /// Messages per second from the first publish to the last callback.
  [[nodiscard]] result<double> throughput(const stream_load& load);
  /// Messages per second of a subscriber that starts after `load.messages`.
  [[nodiscard]] result<double> replay(const stream_load& load);
  /// Nanoseconds from when each message was due to its callback.
  [[nodiscard]] result<std::vector<int64_t>> latency(const stream_load& load,
                                                     double rate);

private:
  options how_;
};

} // namespace millrace::bench
