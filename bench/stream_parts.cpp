#include <millrace/bench/part_process.hpp>
#include <millrace/bench/process_stream.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>

#include <fmt/format.h>

#include <cstring>
#include <sstream>
#include <sys/resource.h>

namespace millrace::bench {

namespace {

constexpr auto loopback = "127.0.0.1";

/// "5001,5002" as numbers.
std::vector<uint16_t> ports_of(const std::string& text) {
  std::vector<uint16_t> out;
  std::istringstream rest{text};
  for (std::string part; std::getline(rest, part, ',');)
    out.push_back(static_cast<uint16_t>(std::stoul(part)));
  return out;
}

} // namespace

error stream_node(const std::vector<std::string>& words) {
  const auto ports = ports_of(words.at(2));
  const auto index = std::stoul(words.at(3));
  const auto name = bench_node(index);
  auto host = nodes::runtime::create(
    bench_cluster(words[0], words[1] == "cached", ports), {.node = name});
  if (!host)
    return host.failure();
  const auto node
    = std::make_shared<nodes::node_assembly>(**host, name, nodes::role_table{});
  const auto door = node->open_door();
  if (!(*host)->open_port(caf::actor_cast<caf::strong_actor_ptr>(door),
                          ports.at(index), loopback))
    return {errc::unavailable,
            "cannot listen at port " + std::to_string(ports[index])};
  if (auto fault = node->start_all())
    return fault;
  say("ready");
  // The process that started this ends it, or asks what it took before.
  if (await_line()) {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    say(std::to_string(used.ru_maxrss));
    (void)await_line();
  }
  (void)node->close();
  return {};
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
