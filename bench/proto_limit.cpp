#include <millrace/bench/frames.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/proto_limit.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace millrace::bench {

namespace {

constexpr size_t block_bytes = size_t{64} << 10;

uint64_t log_bytes(const stream_load& load) {
  return load.messages * (sizeof(frame_header) + load.bytes);
}

/// Makes sure that `path` has `bytes` bytes, in memory and on the disk.
error fill_file(const std::string& path, uint64_t bytes) {
  std::error_code none;
  if (std::filesystem::file_size(path, none) >= bytes && !none)
    return {};
  const descriptor file{
    ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (file.get() < 0)
    return system_error(path);
  const std::vector<std::byte> block(block_bytes);
  for (uint64_t done = 0; done < bytes; done += block.size())
    if (auto fault = write_all(file, block))
      return fault;
  return ::fdatasync(file.get()) == 0 ? error{} : system_error(path);
}

result<std::unique_ptr<part_process>>
start_subscriber(int64_t port, const stream_load& load, const char* what) {
  auto out = part_process::start({"proto-subscriber", std::to_string(port),
                                  std::to_string(load.messages), what});
  if (!out)
    return out.failure();
  if (auto ready = (*out)->hear(); !ready)
    return ready.failure();
  return out;
}

} // namespace

/// All but the publisher, ready, with this process as the publisher.
struct limit_run {
  std::vector<std::unique_ptr<part_process>> replicas;
  std::unique_ptr<part_process> node;
  std::unique_ptr<part_process> subscriber;
  descriptor log;
  descriptor to_node;
};

namespace {

/// Writes frames to the log, and sends them, in blocks.
class frame_publisher {
public:
  frame_publisher(const limit_run& with, size_t payload_bytes)
    : with_{&with}, frame_(sizeof(frame_header) + payload_bytes) {
    const frame_header header{static_cast<uint32_t>(payload_bytes), 1, 0};
    std::memcpy(frame_.data(), &header, sizeof header);
    block_.reserve(block_bytes);
  }

  /// @param stamp the first 8 bytes of the payload
  error add(int64_t stamp) {
    if (block_.size() + frame_.size() > block_bytes)
      if (auto fault = flush())
        return fault;
    std::memcpy(frame_.data() + sizeof(frame_header), &stamp, sizeof stamp);
    block_.insert(block_.end(), frame_.begin(), frame_.end());
    return {};
  }
  error flush() {
    auto fault = write_all(with_->log, block_);
    if (!fault)
      fault = send_all(with_->to_node, block_);
    block_.clear();
    return fault;
  }

private:
  const limit_run* with_;
  std::vector<std::byte> frame_;
  std::vector<std::byte> block_;
};

} // namespace

std::string proto_limit::log_of(std::string_view whose) const {
  return fmt::format("{}/{}.log", directory_, whose);
}

std::string proto_limit::log_of_replica(size_t index) const {
  return log_of("replica" + std::to_string(index));
}

result<limit_run> proto_limit::start(const stream_load& load, bool synced,
                                     const char* what) const {
  const std::string mode = synced ? "synced" : "cached";
  limit_run out;
  std::string ports;
  for (size_t i = 0; i < replicas_; ++i) {
    auto replica
      = part_process::start({"proto-replica", log_of_replica(i), mode});
    if (!replica)
      return replica.failure();
    auto port = (*replica)->hear();
    if (!port)
      return port.failure();
    ports += (i == 0 ? "" : " ") + *port;
    out.replicas.push_back(*std::move(replica));
  }
  auto node = part_process::start(
    {"proto-node", log_of("node"), mode, ports.empty() ? "-" : ports});
  if (!node)
    return node.failure();
  out.node = *std::move(node);
  auto listens = out.node->hear_numbers();
  if (!listens)
    return listens.failure();
  auto subscriber = start_subscriber(listens->at(1), load, what);
  if (!subscriber)
    return subscriber.failure();
  out.subscriber = *std::move(subscriber);
  const auto log = log_of("publisher");
  out.log = descriptor{::open(log.c_str(), O_WRONLY | O_CLOEXEC)};
  if (out.log.get() < 0)
    return system_error(log);
  auto to = connect_locally(static_cast<uint16_t>(listens->at(0)));
  if (!to)
    return to.failure();
  out.to_node = *std::move(to);
  return out;
}

error proto_limit::prepare(const stream_load& load) const {
  std::filesystem::create_directories(directory_);
  for (const auto* whose : {"publisher", "node"})
    if (auto fault = fill_file(log_of(whose), log_bytes(load)))
      return fault;
  for (size_t i = 0; i < replicas_; ++i)
    if (auto fault = fill_file(log_of_replica(i), log_bytes(load)))
      return fault;
  return {};
}

result<double> proto_limit::throughput(const stream_load& load, bool synced) {
  if (auto fault = prepare(load))
    return fault;
  auto all = start(load, synced, "throughput");
  if (!all)
    return all.failure();
  frame_publisher publisher{*all, load.bytes};
  const auto begin = now_ns();
  for (uint64_t i = 0; i < load.messages; ++i)
    if (auto fault = publisher.add(1))
      return fault;
  if (auto fault = publisher.flush())
    return fault;
  auto end = all->subscriber->hear_numbers();
  if (!end)
    return end.failure();
  return per_second(load.messages, begin, end->at(0));
}

result<double> proto_limit::replay(const stream_load& load) {
  // Leaves a log of the node's.
  if (auto written = throughput(load, false); !written)
    return written.failure();
  auto node = part_process::start(
    {"proto-replay", log_of("node"), std::to_string(log_bytes(load))});
  if (!node)
    return node.failure();
  auto ports = (*node)->hear_numbers();
  if (!ports)
    return ports.failure();
  const auto begin = now_ns();
  auto from = connect_locally(static_cast<uint16_t>(ports->at(0)));
  if (!from)
    return from.failure();
  frame_source frames{*from};
  uint64_t seen = 0;
  uint64_t sum = 0;
  while (seen < load.messages) {
    auto bytes = frames.next([&](const std::byte* frame) {
      ++seen;
      sum += static_cast<uint64_t>(frame[sizeof(frame_header)]);
    });
    if (!bytes)
      return bytes.failure();
    if (bytes->empty())
      return error{errc::closed, "the node closed the connection"};
  }
  if (sum != load.messages)
    return error{errc::bad_data, "not the messages that were published"};
  return per_second(load.messages, begin);
}

result<std::vector<int64_t>> proto_limit::latency(const stream_load& load,
                                                  double rate) {
  if (auto fault = prepare(load))
    return fault;
  auto all = start(load, false, "latency");
  if (!all)
    return all.failure();
  frame_publisher publisher{*all, load.bytes};
  if (auto fault = at_rate(rate, load.messages, [&](int64_t due) {
        auto added = publisher.add(due);
        return added ? added : publisher.flush();
      }))
    return fault;
  return all->subscriber->hear_numbers();
}

} // namespace millrace::bench
