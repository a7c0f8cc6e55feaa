#include <millrace/bench/gateway_bench.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/peer_server.hpp>
#include <millrace/bench/query_ask.hpp>
#include <millrace/bench/served_node.hpp>
#include <millrace/bench/tick_cluster.hpp>
#include <millrace/nodes/client/gateway_client.hpp>

#include <fmt/format.h>

#include <filesystem>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t queries_per_run = 5'000;

/// Finds no row, and no part to look into.
const std::string& empty_question() {
  static const auto question
    = question_of("select count(*) from trade where sym = 'nobody'");
  return question;
}

result<outcome> measure(outcome what, const measure_options& options,
                        nodes::runtime& host,
                        const nodes::cluster_config& config) {
  auto gateway = gateway_with(host, config, 1);
  if (!gateway)
    return gateway.failure();
  contest all{std::move(what), options};
  return all.measure([&] {
    return median_us(options.scaled(queries_per_run), [&] {
      return nodes::ask_gateway(host, *gateway, empty_question(), 30s)
        .failure();
    });
  });
}

} // namespace

result<outcome> gateway_empty(const measure_options& options) {
  std::filesystem::create_directories(options.directory);
  const auto config = tick_cluster(options.directory, {0});
  auto host = start_ticks(config);
  if (!host)
    return host.failure();
  if (auto fault = publish_trades(**host, 1))
    return fault;
  return measure(in_microseconds("gateway_empty", 150), options, **host,
                 config);
}

result<spread_ticks> start_spread_ticks(const std::string& directory) {
  auto ports = free_ports(2);
  if (!ports)
    return ports.failure();
  const auto named = fmt::format("{}", fmt::join(*ports, ","));
  spread_ticks out;
  for (const auto* index : {"0", "1"}) {
    auto made = part_process::start({"query-node", directory, named, index});
    if (!made)
      return made.failure();
    out.parts.push_back(*std::move(made));
  }
  for (const auto& part : out.parts)
    if (auto ready = part->hear(); !ready)
      return ready.failure();
  auto host = nodes::runtime::create(tick_cluster(directory, *ports));
  if (!host)
    return host.failure();
  out.host = *std::move(host);
  return out;
}

result<outcome> gateway_empty_3p(const measure_options& options) {
  std::filesystem::create_directories(options.directory);
  auto ticks = start_spread_ticks(options.directory);
  if (!ticks)
    return ticks.failure();
  if (auto fault = publish_trades(*ticks->host, 1))
    return fault;
  return measure(in_microseconds("gateway_empty_3p", 300), options,
                 *ticks->host, ticks->host->config());
}

error query_node(const std::vector<std::string>& words) {
  const auto ports = ports_of(words.at(1));
  const auto index = std::stoul(words.at(2));
  // The process that started this ends it.
  return serve_node(tick_cluster(words[0], ports), index, ports.at(index),
                    [] { (void)await_line(); });
}

} // namespace millrace::bench
