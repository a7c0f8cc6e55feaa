#include <millrace/bench/part_process.hpp>
#include <millrace/bench/process_stream.hpp>
#include <millrace/bench/stream_nodes.hpp>

namespace millrace::bench {

namespace {

/// All processes, connected.
struct running {
  std::unique_ptr<stream_nodes> nodes;
  std::unique_ptr<part_process> subscriber;
  std::unique_ptr<part_process> stopped; ///< Or null.
  std::unique_ptr<part_process> publisher;
};

result<running> start(const process_stream_options& how,
                      const stream_load& load, double rate) {
  running out;
  auto nodes = stream_nodes::create(how.directory, how.cached, how.nodes);
  if (!nodes)
    return nodes.failure();
  out.nodes = *std::move(nodes);
  const auto& ports = out.nodes->ports();
  const auto messages = std::to_string(load.messages);
  const auto subscribe = [&](size_t count) {
    return part_process::start({"stream-subscriber", ports, messages,
                                rate == 0 ? "throughput" : "latency",
                                std::to_string(count)});
  };
  auto subscriber = subscribe(load.subscribers);
  if (!subscriber)
    return subscriber.failure();
  if (how.stopped_subscriber) {
    auto stopped = subscribe(1);
    if (!stopped)
      return stopped.failure();
    out.stopped = *std::move(stopped);
  }
  auto publisher
    = part_process::start({"stream-publisher", ports, how.directory, messages,
                           std::to_string(load.bytes), std::to_string(rate),
                           std::to_string(load.publishers)});
  if (!publisher)
    return publisher.failure();
  // It has published a first message, and then that went through all of them.
  for (auto* part : {publisher->get(), subscriber->get()})
    if (auto ready = part->hear(); !ready)
      return ready.failure();
  if (out.stopped) {
    if (auto ready = out.stopped->hear(); !ready)
      return ready.failure();
    out.stopped->stop();
  }
  if (auto fault = (*publisher)->tell("go"))
    return fault;
  out.subscriber = *std::move(subscriber);
  out.publisher = *std::move(publisher);
  return out;
}

} // namespace

result<double> process_stream::throughput(const stream_load& load) {
  auto all = start(how_, load, 0);
  if (!all)
    return all.failure();
  auto begin = all->publisher->hear_numbers();
  if (!begin)
    return begin.failure();
  auto end = all->subscriber->hear_numbers();
  if (!end)
    return end.failure();
  auto bytes = all->nodes->peak_bytes();
  if (!bytes)
    return bytes.failure();
  node_bytes_ = *bytes;
  return per_second(load.messages, begin->at(0), end->at(0));
}

result<std::vector<int64_t>> process_stream::latency(const stream_load& load,
                                                     double rate) {
  auto all = start(how_, load, rate);
  if (!all)
    return all.failure();
  return all->subscriber->hear_numbers();
}

} // namespace millrace::bench
