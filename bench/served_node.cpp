#include <millrace/bench/part_process.hpp>
#include <millrace/bench/served_node.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>

#include <sstream>

namespace millrace::bench {

std::vector<uint16_t> ports_of(const std::string& text) {
  std::vector<uint16_t> out;
  std::istringstream rest{text};
  for (std::string part; std::getline(rest, part, ',');)
    out.push_back(static_cast<uint16_t>(std::stoul(part)));
  return out;
}

error serve_node(const nodes::cluster_config& config, size_t index,
                 uint16_t port, const std::function<void()>& use) {
  const auto name = bench_node(index);
  auto host = nodes::runtime::create(config, {.node = name});
  if (!host)
    return host.failure();
  const auto node
    = std::make_shared<nodes::node_assembly>(**host, name, nodes::role_table{});
  const auto door = node->open_door();
  if (!(*host)->open_port(caf::actor_cast<caf::strong_actor_ptr>(door), port,
                          "127.0.0.1"))
    return {errc::unavailable, "cannot listen at port " + std::to_string(port)};
  if (auto fault = node->start_all())
    return fault;
  say("ready");
  use();
  (void)node->close();
  return {};
}

} // namespace millrace::bench
