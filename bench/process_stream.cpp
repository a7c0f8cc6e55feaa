#include <millrace/bench/part_process.hpp>
#include <millrace/bench/peer_server.hpp>
#include <millrace/bench/process_stream.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace millrace::bench {

namespace {

/// All processes, connected.
struct running {
  std::vector<std::unique_ptr<part_process>> nodes;
  std::unique_ptr<part_process> subscriber;
  std::unique_ptr<part_process> publisher;
};

result<running> start(const process_stream_options& how,
                      const stream_load& load, double rate) {
  std::filesystem::remove_all(how.directory);
  std::filesystem::create_directories(how.directory);
  const auto messages = std::to_string(load.messages);
  auto numbers = free_ports(how.nodes);
  if (!numbers)
    return numbers.failure();
  const auto ports = fmt::format("{}", fmt::join(*numbers, ","));
  running out;
  for (size_t i = 0; i < how.nodes; ++i) {
    auto node = part_process::start({"stream-node", how.directory,
                                     how.cached ? "cached" : "synced", ports,
                                     std::to_string(i)});
    if (!node)
      return node.failure();
    out.nodes.push_back(*std::move(node));
  }
  for (const auto& node : out.nodes)
    if (auto ready = node->hear(); !ready)
      return ready.failure();
  auto subscriber = part_process::start({"stream-subscriber", ports, messages,
                                         rate == 0 ? "throughput" : "latency",
                                         std::to_string(load.subscribers)});
  if (!subscriber)
    return subscriber.failure();
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
  node_bytes_ = 0;
  for (const auto& node : all->nodes) {
    if (auto fault = node->tell("end"))
      return fault;
    auto told = node->hear_numbers();
    if (!told)
      return told.failure();
    node_bytes_
      = std::max(node_bytes_, static_cast<uint64_t>(told->at(0)) * 1024);
  }
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
