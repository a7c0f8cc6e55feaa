#include <millrace/bench/library_stream.hpp>
#include <millrace/bench/process_stream.hpp>
#include <millrace/bench/proto_limit.hpp>
#include <millrace/bench/stream_bench.hpp>
#include <millrace/bench/stream_peers.hpp>

namespace millrace::bench {

namespace {

constexpr double latency_rate = 10'000;
/// Of what `proto` carries that a stream in the page cache has to carry.
constexpr double limit_share = 0.5;

struct shape {
  std::string name;
  bool cached = true;
  size_t bytes = 100;
  uint64_t messages = 0;
  stream_load peer;
  double peer_target = 0;
  double limit_target = 0;
};

shape cached_100() {
  return {"publish_cached_100", true, 100, 2'000'000, {400'000, 100, 1'000}};
}

/// The microseconds that `share` of all latencies lie at or below.
result<double> share_us(result<std::vector<int64_t>> latencies_ns,
                        double share) {
  if (!latencies_ns)
    return latencies_ns.failure();
  return quantile(*latencies_ns, share) / 1e3;
}

void add_peer(contest& to, const shape& what, const measure_options& options) {
  const auto directory = options.directory + "/peer";
  auto load = what.peer;
  load.messages = options.scaled(load.messages);
  if (what.cached)
    to.add({"JetStream, file storage, to a consumer", 0, what.peer_target},
           [=] { return jetstream_peer{directory}.throughput(load); });
  else
    to.add({"Redis Streams, appendfsync always", 0, what.peer_target},
           [=] { return redis_peer{directory}.throughput(load); });
}

/// @param ours carries a load
template <class Ours>
result<outcome> measure_publish(const shape& what,
                                const measure_options& options, Ours ours) {
  outcome out;
  out.name = what.name;
  out.unit = "messages/s";
  out.mode = what.cached ? "cached" : "synced";
  out.more.emplace_back("payload_bytes", static_cast<double>(what.bytes));
  const stream_load load{options.scaled(what.messages), what.bytes};
  proto_limit limit{options.directory + "/limit"};
  contest all{std::move(out), options};
  add_peer(all, what, options);
  all.add({"proto", 0, what.limit_target, standing::limit},
          [&] { return limit.throughput(load, !what.cached); });
  return all.measure([&] { return ours(load); });
}

result<outcome> publish_here(shape what, const measure_options& options) {
  what.limit_target = what.cached ? limit_share : 0;
  library_stream ours{{options.directory + "/millrace", what.cached}};
  return measure_publish(what, options, [&](const stream_load& load) {
    return ours.throughput(load);
  });
}

/// Beside the same without a copy.
result<outcome> measure_copy(const std::string& name, const stream_load& load,
                             const measure_options& options) {
  outcome out;
  out.name = name;
  out.unit = "messages/s";
  out.mode = "cached";
  out.more.emplace_back("payload_bytes", static_cast<double>(load.bytes));
  const stream_load scaled{options.scaled(load.messages), load.bytes};
  const auto publish = [&](bool local_copy) {
    return library_stream{{options.directory + "/millrace", true, local_copy}}
      .throughput(scaled);
  };
  contest all{std::move(out), options};
  all.add({"without a local copy", 0, 0, standing::row},
          [&] { return publish(false); });
  return all.measure([&] { return publish(true); });
}

struct latency_shape {
  std::string name;
  double share = 0.5; ///< Of all messages, that came as fast or faster.
  double peer_target = 0;
};

/// @param ours gives the latencies of a load
template <class Ours>
result<outcome> measure_latency(const latency_shape& what,
                                const measure_options& options, Ours ours) {
  outcome out;
  out.name = what.name;
  out.unit = "us";
  out.mode = "cached";
  out.less_is_better = true;
  out.more.emplace_back("messages_per_second", latency_rate);
  const stream_load load{options.scaled(20'000), 100, 1'000'000};
  jetstream_peer jetstream{options.directory + "/peer"};
  proto_limit limit{options.directory + "/limit"};
  contest all{std::move(out), options};
  all.add({"JetStream, file storage", 0, what.peer_target}, [&] {
    return share_us(jetstream.latency(load, latency_rate), what.share);
  });
  all.add({"proto", 0, 0, standing::limit}, [&] {
    return share_us(limit.latency(load, latency_rate), what.share);
  });
  return all.measure([&] { return share_us(ours(load), what.share); });
}

result<outcome> latency_here(const latency_shape& what,
                             const measure_options& options) {
  library_stream ours{{options.directory + "/millrace"}};
  return measure_latency(what, options, [&](const stream_load& load) {
    return ours.latency(load, latency_rate);
  });
}

result<outcome> latency_in_three(const latency_shape& what,
                                 const measure_options& options) {
  process_stream ours{{options.directory + "/millrace"}};
  return measure_latency(what, options, [&](const stream_load& load) {
    return ours.latency(load, latency_rate);
  });
}

} // namespace

result<outcome> publish_cached_100(const measure_options& options) {
  auto what = cached_100();
  what.peer_target = 30;
  return publish_here(what, options);
}

result<outcome> publish_cached_1k(const measure_options& options) {
  return publish_here(
    {"publish_cached_1k", true, 1024, 400'000, {200'000, 1024, 20'000}, 7},
    options);
}

result<outcome> publish_cached_100_copy(const measure_options& options) {
  return measure_copy("publish_cached_100_copy", {2'000'000, 100}, options);
}

result<outcome> publish_cached_1k_copy(const measure_options& options) {
  return measure_copy("publish_cached_1k_copy", {400'000, 1024}, options);
}

result<outcome> publish_synced_100(const measure_options& options) {
  return publish_here(
    {"publish_synced_100", false, 100, 2'000'000, {400'000, 100, 1'000}, 11},
    options);
}

result<outcome> publish_synced_1k(const measure_options& options) {
  return publish_here(
    {"publish_synced_1k", false, 1024, 400'000, {100'000, 1024, 1'000}, 6},
    options);
}

result<outcome> publish_cached_100_3p(const measure_options& options) {
  auto what = cached_100();
  what.name = "publish_cached_100_3p";
  process_stream ours{{options.directory + "/millrace"}};
  return measure_publish(what, options, [&](const stream_load& load) {
    return ours.throughput(load);
  });
}

result<outcome> publish_cached_100_stopped(const measure_options& options) {
  outcome out;
  out.name = "publish_cached_100_stopped";
  out.unit = "messages/s";
  out.mode = "cached";
  out.more.emplace_back("payload_bytes", 100);
  const stream_load load{options.scaled(2'000'000), 100};
  const auto publish = [&](bool stopped) {
    process_stream_options how{options.directory + "/millrace"};
    how.stopped_subscriber = stopped;
    return process_stream{how}.throughput(load);
  };
  contest all{std::move(out), options};
  all.add({"without the stopped subscriber", 0, 0.95, standing::row},
          [&] { return publish(false); });
  return all.measure([&] { return publish(true); });
}

result<outcome> replay_100(const measure_options& options) {
  outcome out;
  out.name = "replay_100";
  out.unit = "messages/s";
  out.mode = "cached";
  out.more.emplace_back("payload_bytes", 100);
  const stream_load load{options.scaled(2'000'000), 100};
  const stream_load peer_load{options.scaled(400'000), 100, 1'000};
  library_stream ours{{options.directory + "/millrace"}};
  redis_peer redis{options.directory + "/peer"};
  jetstream_peer jetstream{options.directory + "/peer"};
  proto_limit limit{options.directory + "/limit"};
  contest all{std::move(out), options};
  all.add({"Redis XREAD COUNT 1000", 0, 7},
          [&] { return redis.replay(peer_load); });
  all.add({"JetStream push consumer"},
          [&] { return jetstream.replay(peer_load); });
  all.add({"proto", 0, 0, standing::limit}, [&] { return limit.replay(load); });
  return all.measure([&] { return ours.replay(load); });
}

result<outcome> latency_p50(const measure_options& options) {
  return latency_here({"latency_p50", 0.5, 1.2}, options);
}

result<outcome> latency_p99(const measure_options& options) {
  return latency_here({"latency_p99", 0.99, 0.3}, options);
}

result<outcome> latency_3p_p50(const measure_options& options) {
  return latency_in_three({"latency_3p_p50", 0.5, 2.8}, options);
}

result<outcome> latency_3p_p99(const measure_options& options) {
  return latency_in_three({"latency_3p_p99", 0.99, 0.5}, options);
}

} // namespace millrace::bench
