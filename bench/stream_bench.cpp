#include <millrace/bench/stream_bench.hpp>
#include <millrace/bench/stream_peers.hpp>
#include <millrace/bench/stream_rig.hpp>

#include <cstring>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

constexpr double latency_rate = 10'000;

double per_second(uint64_t count, int64_t begin) {
  return static_cast<double>(count) * 1e9
         / static_cast<double>(now_ns() - begin);
}

/// A failure that a subscription told while somebody waited.
struct told {
  std::mutex mutex;
  error fault;
  std::function<void(const error&)> sink(arrivals& wakes) {
    return [this, &wakes](const error& why) {
      {
        const std::scoped_lock lock{mutex};
        fault = why;
      }
      wakes.finish();
    };
  }
};

error publish_all(rt::publisher& to, uint64_t messages, size_t bytes) {
  const std::vector<std::byte> payload(bytes, std::byte{'x'});
  for (uint64_t i = 0; i < messages; ++i)
    if (auto sent = to.publish(payload); !sent)
      return sent.failure();
  return {};
}

/// One message through everything, so that connections stand.
error warm_up(stream_rig& rig, arrivals& seen) {
  seen.expect(1);
  if (auto fault = publish_all(rig.publisher(), 1, 8))
    return fault;
  seen.wait();
  return {};
}

/// Messages a second from the first publish to the last callback.
result<double> throughput(const std::string& directory, bool cached,
                          uint64_t messages, size_t bytes) {
  arrivals seen;
  told failure;
  auto rig = stream_rig::create(directory, cached);
  if (!rig)
    return rig.failure();
  (*rig)->subscribe(
    {}, [&](const rt::message&) { seen.add(); }, failure.sink(seen));
  if (auto fault = warm_up(**rig, seen))
    return fault;
  seen.expect(messages);
  const auto begin = now_ns();
  if (auto fault = publish_all((*rig)->publisher(), messages, bytes))
    return fault;
  seen.wait();
  const auto out = per_second(messages, begin);
  if (failure.fault)
    return failure.fault;
  return out;
}

result<double> replay(const std::string& directory, uint64_t messages,
                      size_t bytes) {
  arrivals seen;
  told failure;
  auto rig = stream_rig::create(directory, true);
  if (!rig)
    return rig.failure();
  if (auto fault = publish_all((*rig)->publisher(), messages, bytes))
    return fault;
  if (auto fault = (*rig)->publisher().flush(rt::ack_level::committed, 60s))
    return fault;
  seen.expect(messages);
  const auto begin = now_ns();
  (*rig)->subscribe(
    {}, [&](const rt::message&) { seen.add(); }, failure.sink(seen));
  seen.wait();
  const auto out = per_second(messages, begin);
  if (failure.fault)
    return failure.fault;
  return out;
}

result<std::vector<int64_t>> latencies(const std::string& directory,
                                       uint64_t messages, size_t bytes) {
  arrivals seen;
  told failure;
  std::vector<int64_t> out;
  out.reserve(messages + 1);
  auto rig = stream_rig::create(directory, true);
  if (!rig)
    return rig.failure();
  (*rig)->subscribe(
    {},
    [&](const rt::message& m) {
      int64_t due = 0;
      std::memcpy(&due, m.payload.data(), sizeof due);
      out.push_back(now_ns() - due);
      seen.add();
    },
    failure.sink(seen));
  if (auto fault = warm_up(**rig, seen))
    return fault;
  out.clear();
  seen.expect(messages);
  std::vector<std::byte> payload(bytes);
  if (auto fault = at_rate(latency_rate, messages, [&](int64_t due) {
        std::memcpy(payload.data(), &due, sizeof due);
        auto sent = (*rig)->publisher().publish(payload);
        return sent ? error{} : sent.failure();
      }))
    return fault;
  seen.wait();
  // Ends the deliveries into `out`.
  rig->reset();
  if (failure.fault)
    return failure.fault;
  return out;
}

struct shape {
  std::string name;
  bool cached = true;
  size_t bytes = 100;
  uint64_t messages = 0;
  stream_load peer;
  double target = 0;
};

result<outcome> measure_publish(const shape& what,
                                const measure_options& options) {
  outcome out;
  out.name = what.name;
  out.unit = "messages/s";
  out.mode = what.cached ? "cached" : "synced";
  std::vector<double> theirs;
  for (unsigned i = 0; i < options.runs; ++i) {
    auto ours = throughput(options.directory + "/millrace", what.cached,
                           what.messages, what.bytes);
    if (!ours)
      return ours.failure();
    out.runs.push_back(*ours);
    const auto peer_directory = options.directory + "/peer";
    auto other = what.cached
                   ? jetstream_peer{peer_directory}.throughput(what.peer)
                   : redis_peer{peer_directory}.throughput(what.peer);
    if (!other)
      return other.failure();
    theirs.push_back(*other);
  }
  out.value = median(out.runs);
  out.beside.push_back({what.cached ? "JetStream, file storage, to a consumer"
                                    : "Redis Streams, appendfsync always",
                        median(theirs), what.target});
  out.more.emplace_back("payload_bytes", static_cast<double>(what.bytes));
  return out;
}

} // namespace

result<outcome> publish_cached_100(const measure_options& options) {
  return measure_publish(
    {"publish_cached_100", true, 100, 2'000'000, {400'000, 100, 1'000}, 30},
    options);
}

result<outcome> publish_cached_1k(const measure_options& options) {
  return measure_publish(
    {"publish_cached_1k", true, 1024, 400'000, {200'000, 1024, 20'000}, 7},
    options);
}

result<outcome> publish_synced_100(const measure_options& options) {
  return measure_publish(
    {"publish_synced_100", false, 100, 2'000'000, {400'000, 100, 1'000}, 11},
    options);
}

result<outcome> publish_synced_1k(const measure_options& options) {
  return measure_publish(
    {"publish_synced_1k", false, 1024, 400'000, {100'000, 1024, 1'000}, 6},
    options);
}

result<outcome> replay_100(const measure_options& options) {
  outcome out;
  out.name = "replay_100";
  out.unit = "messages/s";
  out.mode = "cached";
  std::vector<double> redis;
  std::vector<double> jetstream;
  const stream_load load{400'000, 100, 1'000};
  for (unsigned i = 0; i < options.runs; ++i) {
    auto ours = replay(options.directory + "/millrace", 2'000'000, 100);
    if (!ours)
      return ours.failure();
    out.runs.push_back(*ours);
    auto first = redis_peer{options.directory + "/peer"}.replay(load);
    if (!first)
      return first.failure();
    redis.push_back(*first);
    auto second = jetstream_peer{options.directory + "/peer"}.replay(load);
    if (!second)
      return second.failure();
    jetstream.push_back(*second);
  }
  out.value = median(out.runs);
  out.beside.push_back({"Redis XREAD COUNT 1000", median(redis), 7});
  out.beside.push_back({"JetStream push consumer", median(jetstream), 0});
  out.more.emplace_back("payload_bytes", 100);
  return out;
}

namespace {

result<outcome> measure_latency(const std::string& name, double share,
                                double target, const measure_options& options) {
  outcome out;
  out.name = name;
  out.unit = "us";
  out.mode = "cached";
  out.less_is_better = true;
  std::vector<double> theirs;
  const stream_load load{20'000, 100, 1'000'000};
  for (unsigned i = 0; i < options.runs; ++i) {
    auto ours
      = latencies(options.directory + "/millrace", load.messages, load.bytes);
    if (!ours)
      return ours.failure();
    out.runs.push_back(quantile(*ours, share) / 1e3);
    auto other
      = jetstream_peer{options.directory + "/peer"}.latency(load, latency_rate);
    if (!other)
      return other.failure();
    theirs.push_back(quantile(*other, share) / 1e3);
  }
  out.value = median(out.runs);
  out.beside.push_back({"JetStream, file storage", median(theirs), target});
  out.more.emplace_back("messages_per_second", latency_rate);
  return out;
}

} // namespace

result<outcome> latency_p50(const measure_options& options) {
  return measure_latency("latency_p50", 0.5, 1.2, options);
}

result<outcome> latency_p99(const measure_options& options) {
  return measure_latency("latency_p99", 0.99, 0.3, options);
}

} // namespace millrace::bench
