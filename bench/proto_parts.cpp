#include <millrace/bench/frames.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/proto_limit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <unistd.h>

namespace millrace::bench {

namespace {

/// What says how much of what it was sent it has.
class replica {
public:
  static result<replica> connect(uint16_t port) {
    auto socket = connect_locally(port);
    if (!socket)
      return socket.failure();
    return replica{*std::move(socket)};
  }

  error send(std::span<const std::byte> bytes) {
    return send_all(socket_, bytes);
  }
  [[nodiscard]] uint64_t held() const noexcept { return held_; }
  [[nodiscard]] pollfd waiting() const noexcept {
    return {socket_.get(), POLLIN, 0};
  }
  /// @pre there is something to hear
  error hear() {
    // Of several words the last one counts; one may come in two pieces.
    auto got = receive(socket_, std::span{said_}.subspan(said_bytes_));
    if (!got)
      return got.failure();
    if (*got == 0)
      return {errc::closed, "a replica closed the connection"};
    said_bytes_ += *got;
    const auto whole = said_bytes_ / sizeof held_ * sizeof held_;
    if (whole != 0)
      std::memcpy(&held_, said_.data() + whole - sizeof held_, sizeof held_);
    std::memmove(said_.data(), said_.data() + whole, said_bytes_ - whole);
    said_bytes_ -= whole;
    return {};
  }

private:
  explicit replica(descriptor socket) : socket_{std::move(socket)} {}

  descriptor socket_;
  std::array<std::byte, 4096> said_{};
  size_t said_bytes_ = 0;
  uint64_t held_ = 0;
};

/// Until one of them has the first `bytes` of all.
error await_one(std::vector<replica>& replicas, uint64_t bytes) {
  const auto has = [&](const replica& each) { return each.held() >= bytes; };
  while (std::none_of(replicas.begin(), replicas.end(), has)) {
    std::vector<pollfd> waiting;
    for (const auto& each : replicas)
      waiting.push_back(each.waiting());
    if (::poll(waiting.data(), waiting.size(), -1) < 0)
      return system_error("poll");
    for (size_t i = 0; i < replicas.size(); ++i)
      if (waiting[i].revents != 0)
        if (auto fault = replicas[i].hear())
          return fault;
  }
  return {};
}

/// Numbers frames, has replicas log them, logs them, sends them on.
error order(const descriptor& from, const descriptor& to, const descriptor& log,
            bool synced, std::vector<replica>& replicas) {
  frame_source frames{from};
  uint64_t sequence = 0;
  uint64_t all_bytes = 0;
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
    all_bytes += bytes->size();
    for (auto& each : replicas)
      if (auto fault = each.send(*bytes))
        return fault;
    if (auto fault = write_all(log, *bytes))
      return fault;
    if (synced && ::fdatasync(log.get()) != 0)
      return system_error("fdatasync");
    if (!replicas.empty())
      if (auto fault = await_one(replicas, all_bytes))
        return fault;
    if (auto fault = send_all(to, *bytes))
      return fault;
  }
}

result<std::vector<replica>> connect_all(const std::string& ports) {
  std::vector<replica> out;
  std::istringstream numbers{ports == "-" ? "" : ports};
  for (unsigned port = 0; numbers >> port;) {
    auto made = replica::connect(static_cast<uint16_t>(port));
    if (!made)
      return made.failure();
    out.push_back(*std::move(made));
  }
  return out;
}

} // namespace

error proto_node(const std::vector<std::string>& words) {
  const descriptor log{::open(words.at(0).c_str(), O_WRONLY | O_CLOEXEC)};
  if (log.get() < 0)
    return system_error(words[0]);
  auto replicas = connect_all(words.at(2));
  if (!replicas)
    return replicas.failure();
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
  return order(*from, *to, log, words.at(1) == "synced", *replicas);
}

error proto_replica(const std::vector<std::string>& words) {
  const descriptor log{::open(words.at(0).c_str(), O_WRONLY | O_CLOEXEC)};
  if (log.get() < 0)
    return system_error(words[0]);
  auto nodes = listen_locally();
  if (!nodes)
    return nodes.failure();
  say(std::to_string(nodes->port));
  auto from = accept_one(*nodes);
  if (!from)
    return from.failure();
  std::vector<std::byte> block(size_t{512} << 10);
  for (uint64_t held = 0;;) {
    auto got = receive(*from, block);
    if (!got)
      return got.failure();
    if (*got == 0)
      return {};
    if (auto fault = write_all(log, std::span{block}.first(*got)))
      return fault;
    if (words.at(1) == "synced" && ::fdatasync(log.get()) != 0)
      return system_error("fdatasync");
    held += *got;
    if (auto fault = send_all(*from, std::as_bytes(std::span{&held, 1})))
      return fault;
  }
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
