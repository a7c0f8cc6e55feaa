#include <millrace/bench/part_process.hpp>
#include <millrace/bench/process_stream.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/nodes/assembly/front_door.hpp>

#include <caf/io/middleman.hpp>
#include <fmt/format.h>

#include <cstring>

namespace millrace::bench {

namespace {

constexpr auto loopback = "127.0.0.1";

endpoint node_at(const std::string& port) {
  return {loopback, static_cast<uint16_t>(std::stoul(port)), "rt/bench"};
}

} // namespace

error stream_node(const std::vector<std::string>& words) {
  auto host = nodes::runtime::create({});
  if (!host)
    return host.failure();
  if (auto fault = host_node(**host, words.at(0), true))
    return fault;
  auto& system = (*host)->system();
  const auto door = (*host)->keep(
    system.spawn(nodes::front_door, std::string{"bench"}, (*host)->locals(),
                 [](const std::string& process) {
                   return error{errc::not_found, process};
                 }));
  const auto port = system.middleman().publish(door, 0, loopback);
  if (!port)
    return {errc::unavailable, "cannot listen on loopback"};
  say(std::to_string(*port));
  // Whoever started this ends it.
  (void)await_line();
  return {};
}

error stream_publisher(const std::vector<std::string>& words) {
  const auto messages = std::stoull(words.at(2));
  const auto rate = std::stod(words.at(4));
  std::vector<std::byte> payload(std::stoul(words.at(3)), std::byte{'x'});
  auto host = nodes::runtime::create({});
  if (!host)
    return host.failure();
  auto opened = host_publisher(**host, node_at(words[0]), words[1], true);
  if (!opened)
    return opened.failure();
  auto& publisher = **opened;
  const auto publish = [&](int64_t due) {
    std::memcpy(payload.data(), &due, sizeof due);
    auto sent = publisher.publish(payload);
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
  std::vector<int64_t> latencies;
  latencies.reserve(timed ? messages : 0);
  arrivals seen;
  error failure;
  seen.expect(messages + 1);
  auto host = nodes::runtime::create({});
  if (!host)
    return host.failure();
  host_subscriber(**host, node_at(words[0]),
                  {.on_message =
                     [&, warm = false](const rt::message& m) mutable {
                       int64_t due = 0;
                       std::memcpy(&due, m.payload.data(), sizeof due);
                       if (!std::exchange(warm, true))
                         say("ready");
                       else if (timed)
                         latencies.push_back(now_ns() - due);
                       seen.add();
                     },
                   .on_failure =
                     [&](const error& why) {
                       failure = why;
                       seen.finish();
                     }});
  seen.wait();
  const auto end = now_ns();
  // Ends the deliveries.
  host->reset();
  if (failure)
    return failure;
  say(timed ? fmt::format("{}", fmt::join(latencies, " "))
            : std::to_string(end));
  return {};
}

} // namespace millrace::bench
