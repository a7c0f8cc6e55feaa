#include <millrace/bench/frames.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/proto_limit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

/// Numbers frames, logs them, sends them on.
error order(const descriptor& from, const descriptor& to, const descriptor& log,
            bool synced) {
  frame_source frames{from};
  uint64_t sequence = 0;
  for (;;) {
    auto bytes = frames.next([&](std::byte* frame) {
      ++sequence;
      std::memcpy(frame + offsetof(frame_header, sequence), &sequence,
                  sizeof sequence);
    });
    if (!bytes)
      return bytes.failure();
    if (bytes->empty())
      return {};
    if (auto fault = write_all(log, *bytes))
      return fault;
    if (synced && ::fdatasync(log.get()) != 0)
      return system_error("fdatasync");
    if (auto fault = send_all(to, *bytes))
      return fault;
  }
}

} // namespace

error proto_node(const std::vector<std::string>& words) {
  const descriptor log{::open(words.at(0).c_str(), O_WRONLY | O_CLOEXEC)};
  if (log.get() < 0)
    return system_error(words[0]);
  auto publishers = listen_locally();
  if (!publishers)
    return publishers.failure();
  auto subscribers = listen_locally();
  if (!subscribers)
    return subscribers.failure();
  say(fmt::format("{} {}", publishers->port, subscribers->port));
  auto to = accept_one(*subscribers);
  if (!to)
    return to.failure();
  auto from = accept_one(*publishers);
  if (!from)
    return from.failure();
  return order(*from, *to, log, words.at(1) == "synced");
}

error proto_replay(const std::vector<std::string>& words) {
  const descriptor log{::open(words.at(0).c_str(), O_RDONLY | O_CLOEXEC)};
  if (log.get() < 0)
    return system_error(words[0]);
  auto subscribers = listen_locally();
  if (!subscribers)
    return subscribers.failure();
  say(std::to_string(subscribers->port));
  auto to = accept_one(*subscribers);
  if (!to)
    return to.failure();
  std::vector<std::byte> block(size_t{256} << 10);
  for (auto left = std::stoull(words.at(1)); left != 0;) {
    const auto part = std::min<uint64_t>(left, block.size());
    const auto got = ::read(log.get(), block.data(), part);
    if (got <= 0)
      return system_error(words[0]);
    if (auto fault
        = send_all(*to, std::span{block}.first(static_cast<size_t>(got))))
      return fault;
    left -= static_cast<uint64_t>(got);
  }
  return {};
}

error proto_subscriber(const std::vector<std::string>& words) {
  const auto port = static_cast<uint16_t>(std::stoul(words.at(0)));
  const auto wanted = std::stoull(words.at(1));
  const bool timed = words.at(2) == "latency";
  auto from = connect_locally(port);
  if (!from)
    return from.failure();
  say("ready");
  frame_source frames{*from};
  std::vector<int64_t> latencies;
  latencies.reserve(timed ? wanted : 0);
  uint64_t seen = 0;
  uint64_t sum = 0;
  while (seen < wanted) {
    auto bytes = frames.next([&](const std::byte* frame) {
      ++seen;
      int64_t due = 0;
      std::memcpy(&due, frame + sizeof(frame_header), sizeof due);
      if (timed)
        latencies.push_back(now_ns() - due);
      sum += static_cast<uint64_t>(due);
    });
    if (!bytes)
      return bytes.failure();
    if (bytes->empty())
      return {errc::closed, "the node closed the connection"};
  }
  // The sum shows that each message was looked at.
  say(timed ? fmt::format("{}", fmt::join(latencies, " "))
            : fmt::format("{} {}", now_ns(), sum));
  return {};
}

} // namespace millrace::bench
