#include <millrace/bench/stream_rig.hpp>
#include <millrace/feed/generate/generator.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>

#include <filesystem>

namespace millrace::bench {

std::string bench_node(size_t index) {
  return "node" + std::to_string(index + 1);
}

std::string bench_rt(size_t index) { return "rt" + std::to_string(index + 1); }

nodes::cluster_config bench_cluster(const std::string& directory, bool cached,
                                    const std::vector<uint16_t>& ports) {
  nodes::cluster_config out;
  out.path = "bench";
  out.name = "bench";
  out.data_directory = directory;
  out.log_path = directory + "/pub";
  if (ports.front() != 0)
    out.address = "127.0.0.1";
  out.streams.push_back(
    {.name = "bench",
     .mode = cached ? nodes::stream_mode::cached : nodes::stream_mode::synced});
  out.tables.push_back(
    {.schema = feed::generated_trade_schema(), .stream = "bench"});
  for (size_t i = 0; i < ports.size(); ++i) {
    out.nodes.push_back(
      {.name = bench_node(i), .port = ports[i], .processes = {bench_rt(i)}});
    auto& rt = out.processes.emplace_back();
    rt.name = bench_rt(i);
    rt.type = nodes::process_type::rt;
    rt.node = bench_node(i);
    rt.streams = {"bench"};
  }
  return out;
}

result<std::shared_ptr<rt::publisher>>
verified_publisher(nodes::runtime& host, const std::string& name) {
  auto made = host.publish("bench", {.name = name});
  if (!made)
    return made.failure();
  if (auto fault = made->out->wait_verified(std::chrono::seconds{10}))
    return fault;
  return made->out;
}

error read_stream(nodes::runtime& host, reading what) {
  rt::subscription_handlers handlers;
  handlers.on_message = [call = std::move(what.on_message)](
                          const rt::message& m, position) { call(m); };
  handlers.on_failure = std::move(what.on_failure);
  return host
    .subscribe("bench", std::move(handlers),
               {.start = what.start, .local_copy = what.local_copy})
    .failure();
}

result<std::unique_ptr<stream_rig>>
stream_rig::create(const std::string& directory, bool cached) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  std::unique_ptr<stream_rig> out{new stream_rig};
  auto host = nodes::runtime::create(bench_cluster(directory, cached));
  if (!host)
    return host.failure();
  out->host_ = *std::move(host);
  auto node = std::make_shared<nodes::node_assembly>(*out->host_, bench_node(0),
                                                     nodes::role_table{});
  if (auto fault = node->start_all())
    return fault;
  // It holds actors of the host.
  node.reset();
  auto publisher = verified_publisher(*out->host_);
  if (!publisher)
    return publisher.failure();
  out->publisher_ = *std::move(publisher);
  return out;
}

} // namespace millrace::bench
