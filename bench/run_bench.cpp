#include <millrace/bench/outcome.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/report.hpp>
#include <millrace/bench/scratch.hpp>
#include <millrace/bench/stream_bench.hpp>
#include <millrace/bench/table_bench.hpp>
#include <millrace/nodes/cli/bench_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace millrace::bench {

std::span<const benchmark> benchmarks() {
  static const std::array all{
    benchmark{"publish_cached_100", "publish to callback, 100 B, page cache",
              "JetStream", publish_cached_100},
    benchmark{"publish_cached_1k", "publish to callback, 1 KiB, page cache",
              "JetStream", publish_cached_1k},
    benchmark{"publish_cached_100_copy",
              "the same as publish_cached_100, with a local copy", "",
              publish_cached_100_copy},
    benchmark{"publish_cached_1k_copy",
              "the same as publish_cached_1k, with a local copy", "",
              publish_cached_1k_copy},
    benchmark{"publish_synced_100", "publish to callback, 100 B, synced",
              "Redis Streams", publish_synced_100},
    benchmark{"publish_synced_1k", "publish to callback, 1 KiB, synced",
              "Redis Streams", publish_synced_1k},
    benchmark{"replay_100", "replay from the start, 100 B",
              "Redis Streams, JetStream", replay_100},
    benchmark{"latency_p50", "publish to callback at 10 k/s, median",
              "JetStream", latency_p50},
    benchmark{"latency_p99", "publish to callback at 10 k/s, 99 of 100",
              "JetStream", latency_p99},
    benchmark{"publish_cached_100_3p",
              "the same as publish_cached_100 in three processes", "JetStream",
              publish_cached_100_3p},
    benchmark{"latency_3p_p50", "the same as latency_p50 in three processes",
              "JetStream", latency_3p_p50},
    benchmark{"latency_3p_p99", "the same as latency_p99 in three processes",
              "JetStream", latency_3p_p99},
    benchmark{"csv_parse", "text of 10 M trades to batches", "DuckDB",
              csv_parse},
    benchmark{"csv_feed", "text of 10 M trades through the stream into an RDB",
              "DuckDB", csv_feed},
    benchmark{"rdb_insert", "batches of 100 rows into an RDB's tables",
              "DuckDB", rdb_insert},
    benchmark{"eop_write", "10 M quotes sorted, written and synced", "DuckDB",
              eop_write},
    benchmark{"rdb_recovery", "an RDB rebuilt by replay, batches of 100 rows",
              "", rdb_recovery},
  };
  return all;
}

namespace {

double load_average() {
  double out = 0;
  return ::getloadavg(&out, 1) == 1 ? out : -1;
}

} // namespace

} // namespace millrace::bench

namespace millrace::nodes {

int run_bench(const bench_options& options) {
  if (!options.part.empty())
    return bench::run_part(options.part);
  if (options.list) {
    for (const auto& each : bench::benchmarks())
      fmt::print("{:<24} {}{}{}\n", each.name, each.what,
                 each.peer.empty() ? "" : "; beside ", each.peer);
    return exit_ok;
  }
  for (const auto& each : bench::benchmarks()) {
    if (each.name != options.name)
      continue;
    const auto load = bench::load_average();
    auto directory = bench::scratch::create();
    if (!directory)
      return fail(directory.failure());
    auto got = each.run({options.runs, (*directory)->path(), options.scale});
    if (!got)
      return fail(got.failure());
    got->more.emplace_back("scale", options.scale);
    fmt::print("{}\n", options.json ? bench::as_json(*got, load).dump(2)
                                    : bench::as_text(*got));
    return exit_ok;
  }
  (void)fail({errc::invalid_argument, "no benchmark is named '" + options.name
                                        + "'; --list shows them"});
  return exit_usage;
}

} // namespace millrace::nodes
