#include <millrace/bench/part_process.hpp>
#include <millrace/bench/process_stream.hpp>

#include <filesystem>

namespace millrace::bench {

namespace {

/// The three processes, connected.
struct running {
  std::unique_ptr<part_process> node;
  std::unique_ptr<part_process> subscriber;
  std::unique_ptr<part_process> publisher;
};

result<running> start(const std::string& directory, const stream_load& load,
                      double rate) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const auto messages = std::to_string(load.messages);
  auto node = part_process::start({"stream-node", directory});
  if (!node)
    return node.failure();
  auto port = (*node)->hear();
  if (!port)
    return port.failure();
  auto subscriber = part_process::start({"stream-subscriber", *port, messages,
                                         rate == 0 ? "throughput" : "latency"});
  if (!subscriber)
    return subscriber.failure();
  auto publisher = part_process::start(
    {"stream-publisher", *port, directory, messages,
     std::to_string(load.bytes), std::to_string(rate)});
  if (!publisher)
    return publisher.failure();
  // It has published a first message, and then that went through all of them.
  for (auto* part : {publisher->get(), subscriber->get()})
    if (auto ready = part->hear(); !ready)
      return ready.failure();
  if (auto fault = (*publisher)->tell("go"))
    return fault;
  return running{*std::move(node), *std::move(subscriber),
                 *std::move(publisher)};
}

} // namespace

result<double> process_stream::throughput(const stream_load& load) {
  auto all = start(directory_, load, 0);
  if (!all)
    return all.failure();
  auto begin = all->publisher->hear_numbers();
  if (!begin)
    return begin.failure();
  auto end = all->subscriber->hear_numbers();
  if (!end)
    return end.failure();
  return per_second(load.messages, begin->at(0), end->at(0));
}

result<std::vector<int64_t>> process_stream::latency(const stream_load& load,
                                                     double rate) {
  auto all = start(directory_, load, rate);
  if (!all)
    return all.failure();
  return all->subscriber->hear_numbers();
}

} // namespace millrace::bench
