#include <millrace/bench/group_bench.hpp>
#include <millrace/bench/process_stream.hpp>
#include <millrace/bench/proto_limit.hpp>
#include <millrace/bench/stream_peers.hpp>

#include <algorithm>

namespace millrace::bench {

namespace {

constexpr size_t node_count = 3;
constexpr auto peer_name = "JetStream R3, file storage, to a consumer";
constexpr auto limit_name = "proto3";

struct replicated_shape {
  std::string name;
  bool cached = true;
  stream_load load;
  stream_load peer;
  double peer_target = 0;
  double limit_target = 0;
};

result<outcome> measure_replicated(const replicated_shape& what,
                                   const measure_options& options) {
  outcome out;
  out.name = what.name;
  out.unit = "messages/s";
  out.mode = what.cached ? "cached" : "synced";
  out.more.emplace_back("payload_bytes", static_cast<double>(what.load.bytes));
  auto load = what.load;
  load.messages = options.scaled(load.messages);
  auto peer_load = what.peer;
  peer_load.messages = options.scaled(peer_load.messages);
  jetstream_peer jetstream{options.directory + "/peer", node_count};
  proto_limit limit{options.directory + "/limit", node_count - 1};
  process_stream ours{
    {options.directory + "/millrace", what.cached, node_count}};
  contest all{std::move(out), options};
  all.add({peer_name, 0, what.peer_target},
          [&] { return jetstream.throughput(peer_load); });
  all.add({limit_name, 0, what.limit_target, standing::limit},
          [&] { return limit.throughput(load, !what.cached); });
  return all.measure([&] { return ours.throughput(load); });
}

/// The microseconds that `share` of all latencies lie at or below, at 10,000
/// messages per second.
result<outcome> measure_share(const std::string& name, double share,
                              double peer_target,
                              const measure_options& options) {
  constexpr double rate = 10'000;
  outcome out;
  out.name = name;
  out.unit = "us";
  out.mode = "cached";
  out.less_is_better = true;
  out.more.emplace_back("messages_per_second", rate);
  const stream_load load{options.scaled(20'000), 100, 1'000'000};
  jetstream_peer jetstream{options.directory + "/peer", node_count};
  proto_limit limit{options.directory + "/limit", node_count - 1};
  process_stream ours{{options.directory + "/millrace", true, node_count}};
  const auto of = [share](result<std::vector<int64_t>> got) -> result<double> {
    if (!got)
      return got.failure();
    return quantile(*got, share) / 1e3;
  };
  contest all{std::move(out), options};
  all.add({peer_name, 0, peer_target},
          [&] { return of(jetstream.latency(load, rate)); });
  all.add({limit_name, 0, 0, standing::limit},
          [&] { return of(limit.latency(load, rate)); });
  return all.measure([&] { return of(ours.latency(load, rate)); });
}

constexpr stream_load small{2'000'000, 100};
constexpr stream_load large{400'000, 1024};
constexpr stream_load peer_small{200'000, 100, 1'000};
constexpr stream_load peer_large{100'000, 1024, 1'000};

} // namespace

result<outcome> publish_cached_100_r3(const measure_options& options) {
  return measure_replicated(
    {"publish_cached_100_r3", true, small, peer_small, 27, 0.36}, options);
}

result<outcome> publish_cached_1k_r3(const measure_options& options) {
  return measure_replicated(
    {"publish_cached_1k_r3", true, large, peer_large, 7, 0.36}, options);
}

result<outcome> publish_synced_100_r3(const measure_options& options) {
  return measure_replicated(
    {"publish_synced_100_r3", false, small, peer_small, 10}, options);
}

result<outcome> publish_synced_1k_r3(const measure_options& options) {
  return measure_replicated(
    {"publish_synced_1k_r3", false, large, peer_large, 10}, options);
}

result<outcome> latency_r3_p50(const measure_options& options) {
  return measure_share("latency_r3_p50", 0.5, 0.4, options);
}

result<outcome> latency_r3_p99(const measure_options& options) {
  return measure_share("latency_r3_p99", 0.99, 0.1, options);
}

result<outcome> publish_many_100(const measure_options& options) {
  constexpr size_t many = 64;
  constexpr double node_mib_max = 512;
  outcome out;
  out.name = "publish_many_100";
  out.unit = "messages/s";
  out.mode = "cached";
  out.more = {{"payload_bytes", 100},
              {"publishers", many},
              {"subscribers", many},
              {"node_mib_max", node_mib_max}};
  // Equal shares.
  const auto shared = [&](uint64_t count) {
    return (options.scaled(count) + many - 1) / many * many;
  };
  const stream_load load{shared(200'000), 100, 0, many, many};
  const stream_load peer_load{shared(20'000), 100, 100, many, many};
  jetstream_peer jetstream{options.directory + "/peer"};
  process_stream ours{{options.directory + "/millrace"}};
  contest all{std::move(out), options};
  all.add({"JetStream, file storage, to 64 consumers", 0, 10},
          [&] { return jetstream.throughput(peer_load); });
  uint64_t node_bytes = 0;
  auto got = all.measure([&] {
    auto value = ours.throughput(load);
    node_bytes = std::max(node_bytes, ours.node_bytes());
    return value;
  });
  if (got)
    got->more.emplace_back("node_mib",
                           static_cast<double>(node_bytes) / (1 << 20));
  return got;
}

} // namespace millrace::bench
