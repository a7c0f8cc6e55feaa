#pragma once

#include <millrace/bench/stream_peers.hpp>

#include <string>
#include <vector>

namespace millrace::bench {

struct limit_run;

/// The limit program `proto`: the least that a durable and ordered stream must
/// do. A publisher writes frames to its log and sends them, 64 KiB at a time; a
/// node numbers them, writes them to its log and sends them on; a subscriber
/// looks at each. Three processes, blocking loopback sockets, nothing else: no
/// checksums, no recovery, no credit.
///
/// With replicas (`proto3`: two of them) the node sends them what it numbered;
/// they write it to their logs and say how far; it goes on to the subscriber
/// when one of them has it, as a majority of three.
class proto_limit {
public:
  /// Its logs lie in `directory`. They are written before the first run and
  /// overwritten by each, so that nobody pays for new pages and blocks.
  explicit proto_limit(std::string directory, size_t replicas = 0)
    : directory_{std::move(directory)}, replicas_{replicas} {}

  /// Messages per second from the first send to the last that is seen.
  /// @param synced the node syncs what it has before it sends it on
  [[nodiscard]] result<double> throughput(const stream_load& load, bool synced);
  /// Messages per second of a subscriber that starts after `load.messages`.
  [[nodiscard]] result<double> replay(const stream_load& load);
  /// Nanoseconds from when each message was due to when it is seen.
  [[nodiscard]] result<std::vector<int64_t>> latency(const stream_load& load,
                                                     double rate);

private:
  [[nodiscard]] error prepare(const stream_load& load) const;
  [[nodiscard]] std::string log_of(std::string_view whose) const;
  [[nodiscard]] std::string log_of_replica(size_t index) const;
  [[nodiscard]] result<limit_run> start(const stream_load& load, bool synced,
                                        const char* what) const;

  std::string directory_;
  size_t replicas_;
};

// The parts in processes of their own.

/// LOG cached|synced PORTS: of its replicas; "-": it has none.
[[nodiscard]] error proto_node(const std::vector<std::string>& words);
/// LOG cached|synced
[[nodiscard]] error proto_replica(const std::vector<std::string>& words);
/// LOG BYTES: sends the first BYTES of a log to one subscriber.
[[nodiscard]] error proto_replay(const std::vector<std::string>& words);
/// PORT MESSAGES throughput|latency
[[nodiscard]] error proto_subscriber(const std::vector<std::string>& words);

} // namespace millrace::bench
