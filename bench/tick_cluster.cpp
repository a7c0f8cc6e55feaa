#include <millrace/bench/outcome.hpp>
#include <millrace/bench/query_ask.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/bench/tick_cluster.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>

namespace millrace::bench {

using namespace std::chrono_literals;

nodes::process_config process_of(const char* name, std::string_view type,
                                 size_t node) {
  nodes::process_config out;
  out.name = name;
  out.type = type;
  out.node = bench_node(node);
  return out;
}

nodes::cluster_config
tick_cluster(const std::string& directory, const std::vector<uint16_t>& ports,
             const std::vector<nodes::process_config>& more) {
  auto out = bench_cluster(directory, true, ports);
  // One RT node orders the stream, however many nodes there are.
  out.processes.resize(1);
  const auto last = ports.size() - 1;
  for (size_t i = 1; i < ports.size(); ++i)
    out.nodes[i].processes.clear();
  out.processes.push_back(
    process_of("discovery1", nodes::process_type::discovery, 0));
  auto gateway = process_of("gateway1", nodes::process_type::gateway, 0);
  gateway.result_rows_max = 0;
  out.processes.push_back(gateway);
  auto rdb = process_of("rdb1", nodes::process_type::rdb, last);
  rdb.tables = {"trade"};
  rdb.hdb_directory = directory + "/hdb";
  out.processes.push_back(rdb);
  auto hdb = process_of("hdb1", nodes::process_type::hdb, last);
  hdb.hdb_directory = rdb.hdb_directory;
  out.processes.push_back(hdb);
  out.processes.insert(out.processes.end(), more.begin(), more.end());
  for (size_t i = 1; i < out.processes.size(); ++i)
    for (auto& node : out.nodes)
      if (node.name == out.processes[i].node)
        node.processes.push_back(out.processes[i].name);
  return out;
}

result<std::unique_ptr<nodes::runtime>>
start_ticks(const nodes::cluster_config& config) {
  auto host = nodes::runtime::create(config);
  if (!host)
    return host;
  auto node = std::make_shared<nodes::node_assembly>(**host, bench_node(0),
                                                     nodes::role_table{});
  if (auto fault = node->start_all())
    return fault;
  // The node holds actors of the host, and ends before it.
  return host;
}

error publish_trades(
  nodes::runtime& host, uint64_t count,
  const std::function<void(const feed::generated_batch&)>& each,
  const std::string& name) {
  auto publisher = verified_publisher(host, name);
  if (!publisher)
    return publisher.failure();
  feed::generator_options market;
  market.trades_per_period = count;
  market.quotes_per_period = 0;
  auto made = feed::generator::open(market);
  if (!made)
    return made.failure();
  while (const auto batch = made->next()) {
    if (auto fault
        = (*publisher)
            ->publish(batch->batch.bytes, {}, payload_kind::table_batch)
            .failure())
      return fault;
    if (each)
      each(*batch);
  }
  return {};
}

result<gateway_actor> gateway_with(nodes::runtime& host,
                                   const nodes::cluster_config& config,
                                   uint64_t rows) {
  auto gateway = nodes::find_gateway(host, config, 30s);
  if (!gateway)
    return gateway;
  const auto count = question_of("select count(*) from trade");
  const auto end = now_ns() + 60'000'000'000;
  for (;;) {
    auto got = nodes::ask_gateway(host, *gateway, count, 30s);
    if (got && got->table.row_count == 1
        && got->table.columns.at(0).as<int64_t>()[0]
             == static_cast<int64_t>(rows))
      return gateway;
    if (now_ns() > end)
      return got ? error{errc::timeout, "the trades do not come to the rdb"}
                 : got.failure();
  }
}

} // namespace millrace::bench
