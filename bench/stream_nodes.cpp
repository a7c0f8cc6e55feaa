#include <millrace/bench/peer_server.hpp>
#include <millrace/bench/stream_nodes.hpp>
#include <millrace/bench/stream_rig.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace millrace::bench {

result<std::unique_ptr<stream_nodes>>
stream_nodes::create(const std::string& directory, bool cached, size_t count) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  auto ports = free_ports(count);
  if (!ports)
    return ports.failure();
  std::unique_ptr<stream_nodes> out{new stream_nodes};
  out->config_ = bench_cluster(directory, cached, *ports);
  out->directory_ = directory;
  out->mode_ = cached ? "cached" : "synced";
  out->ports_ = fmt::format("{}", fmt::join(*ports, ","));
  out->parts_.resize(count);
  // At once: each waits for the others.
  for (size_t i = 0; i < count; ++i)
    if (auto fault = out->launch(i))
      return fault;
  for (const auto& part : out->parts_)
    if (auto ready = part->hear(); !ready)
      return ready.failure();
  return out;
}

error stream_nodes::launch(size_t index) {
  auto node = part_process::start(
    {"stream-node", directory_, mode_, ports_, std::to_string(index)});
  if (!node)
    return node.failure();
  parts_[index] = *std::move(node);
  return {};
}

error stream_nodes::start(size_t index) {
  if (auto fault = launch(index))
    return fault;
  return parts_[index]->hear().failure();
}

result<uint64_t> stream_nodes::peak_bytes() {
  uint64_t out = 0;
  for (const auto& part : parts_) {
    if (auto fault = part->tell("memory"))
      return fault;
    auto kib = part->hear_numbers();
    if (!kib)
      return kib.failure();
    out = std::max(out, static_cast<uint64_t>(kib->at(0)) * 1024);
  }
  return out;
}

} // namespace millrace::bench
