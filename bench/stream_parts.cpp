#include <millrace/bench/part_process.hpp>
#include <millrace/bench/process_stream.hpp>
#include <millrace/bench/served_node.hpp>
#include <millrace/bench/stream_rig.hpp>

#include <fmt/format.h>

#include <cstring>
#include <sys/resource.h>

namespace millrace::bench {

error stream_node(const std::vector<std::string>& words) {
  const auto ports = ports_of(words.at(2));
  const auto index = std::stoul(words.at(3));
  return serve_node(bench_cluster(words[0], words[1] == "cached", ports), index,
                    ports.at(index), [] {
                      // The process that started this ends it, or asks what it
                      // took before.
                      if (!await_line())
                        return;
                      rusage used{};
                      ::getrusage(RUSAGE_SELF, &used);
                      say(std::to_string(used.ru_maxrss));
                      (void)await_line();
                    });
}

error stream_publisher(const std::vector<std::string>& words) {
  const auto messages = std::stoull(words.at(2));
  const auto rate = std::stod(words.at(4));
  std::vector<std::byte> payload(std::stoul(words.at(3)), std::byte{'x'});
  auto host
    = nodes::runtime::create(bench_cluster(words[1], true, ports_of(words[0])));
  if (!host)
    return host.failure();
  std::vector<std::shared_ptr<rt::publisher>> publishers;
  for (size_t i = 0; i < std::stoul(words.at(5)); ++i) {
    auto opened = verified_publisher(**host, "p" + std::to_string(i));
    if (!opened)
      return opened.failure();
    publishers.push_back(*std::move(opened));
  }
  auto publish = [&, turn = size_t{0}](int64_t due) mutable {
    std::memcpy(payload.data(), &due, sizeof due);
    auto sent = publishers[turn++ % publishers.size()]->publish(payload);
    return sent ? error{} : sent.failure();
  };
  if (auto fault = publish(0))
    return fault;
  say("ready");
  if (!await_line())
    return {};
  say(std::to_string(now_ns()));
  if (rate != 0) {
    if (auto fault = at_rate(rate, messages, publish))
      return fault;
  } else {
    for (uint64_t i = 0; i < messages; ++i)
      if (auto fault = publish(0))
        return fault;
  }
  (void)await_line();
  return {};
}

error stream_subscriber(const std::vector<std::string>& words) {
  const auto messages = std::stoull(words.at(1));
  const bool timed = words.at(2) == "latency";
  const auto subscribers = std::stoul(words.at(3));
  std::vector<int64_t> latencies; // Of a single subscriber.
  latencies.reserve(timed ? messages : 0);
  arrivals first;
  arrivals seen;
  told failure;
  first.expect(subscribers);
  seen.expect(messages * subscribers);
  auto host
    = nodes::runtime::create(bench_cluster({}, true, ports_of(words[0])));
  if (!host)
    return host.failure();
  for (size_t i = 0; i < subscribers; ++i) {
    const auto fault = read_stream(
      **host, {.on_message =
                 [&, warm = false](const rt::message& m) mutable {
                   if (!std::exchange(warm, true))
                     return first.add();
                   int64_t due = 0;
                   std::memcpy(&due, m.payload.data(), sizeof due);
                   if (timed)
                     latencies.push_back(now_ns() - due);
                   seen.add();
                 },
               .on_failure = failure.sink({&first, &seen})});
    if (fault)
      return fault;
  }
  first.wait();
  say("ready");
  seen.wait();
  const auto end = now_ns();
  // Ends the deliveries.
  host->reset();
  if (auto why = failure.what())
    return why;
  say(timed ? fmt::format("{}", fmt::join(latencies, " "))
            : std::to_string(end));
  return {};
}

} // namespace millrace::bench
