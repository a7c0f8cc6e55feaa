#include <millrace/bench/answer_bench.hpp>
#include <millrace/bench/door_bench.hpp>
#include <millrace/bench/gateway_bench.hpp>
#include <millrace/bench/group_bench.hpp>
#include <millrace/bench/growth_bench.hpp>
#include <millrace/bench/outcome.hpp>
#include <millrace/bench/query_bench.hpp>
#include <millrace/bench/report.hpp>
#include <millrace/bench/run_bench.hpp>
#include <millrace/bench/scratch.hpp>
#include <millrace/bench/stream_bench.hpp>
#include <millrace/bench/table_bench.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace millrace::bench {

namespace {

struct benchmark {
  std::string_view name;
  std::string_view what;
  std::string_view peer; ///< Empty: there is none.
  result<outcome> (*run)(const measure_options&);
};

/// All that can be measured, in the order of the README.
constexpr std::array benchmarks{
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
  benchmark{"latency_p50", "publish to callback at 10 k/s, median", "JetStream",
            latency_p50},
  benchmark{"latency_p99", "publish to callback at 10 k/s, 99 of 100",
            "JetStream", latency_p99},
  benchmark{"publish_cached_100_3p",
            "the same as publish_cached_100 in three processes", "JetStream",
            publish_cached_100_3p},
  benchmark{"publish_cached_100_stopped",
            "the same, and a second subscriber that stands still", "",
            publish_cached_100_stopped},
  benchmark{"latency_3p_p50", "the same as latency_p50 in three processes",
            "JetStream", latency_3p_p50},
  benchmark{"latency_3p_p99", "the same as latency_p99 in three processes",
            "JetStream", latency_3p_p99},
  benchmark{"publish_cached_100_r3", "three nodes, 100 B, page cache",
            "JetStream R3", publish_cached_100_r3},
  benchmark{"publish_cached_1k_r3", "three nodes, 1 KiB, page cache",
            "JetStream R3", publish_cached_1k_r3},
  benchmark{"publish_synced_100_r3", "three nodes, 100 B, synced",
            "JetStream R3", publish_synced_100_r3},
  benchmark{"publish_synced_1k_r3", "three nodes, 1 KiB, synced",
            "JetStream R3", publish_synced_1k_r3},
  benchmark{"latency_r3_p50", "three nodes at 10 k/s, median", "JetStream R3",
            latency_r3_p50},
  benchmark{"latency_r3_p99", "three nodes at 10 k/s, 99 of 100",
            "JetStream R3", latency_r3_p99},
  benchmark{"publish_many_100", "64 publishers, 64 subscribers, 100 B",
            "JetStream", publish_many_100},
  benchmark{"catch_up_r3", "a node of three that lost its disk, under load", "",
            catch_up_r3},
  benchmark{"start_growth", "waits after a kill, four times the log", "",
            start_growth},
  benchmark{"csv_parse", "text of 10 M trades to batches", "DuckDB", csv_parse},
  benchmark{"csv_feed", "text of 10 M trades through the stream into an RDB",
            "DuckDB", csv_feed},
  benchmark{"rdb_insert", "batches of 100 rows into an RDB's tables", "DuckDB",
            rdb_insert},
  benchmark{"eop_write", "10 M quotes sorted, written and synced", "DuckDB",
            eop_write},
  benchmark{"rdb_recovery", "an RDB rebuilt by replay, batches of 100 rows", "",
            rdb_recovery},
  benchmark{"gateway_empty", "an empty query, all actors in one process", "",
            gateway_empty},
  benchmark{"gateway_empty_3p",
            "the same with gateway, stores and client in a process each", "",
            gateway_empty_3p},
  benchmark{"door_empty_kdb", "an empty query over kdb+'s IPC", "",
            door_empty_kdb},
  benchmark{"door_empty_http", "an empty query over HTTP", "", door_empty_http},
  benchmark{"door_empty_postgres",
            "a prepared empty query over PostgreSQL's protocol", "PostgreSQL",
            door_empty_postgres},
  benchmark{"door_rows_kdb", "a million rows over kdb+'s IPC", "PostgreSQL",
            door_rows_kdb},
  benchmark{"door_rows_arrow", "a million rows as Arrow over HTTP",
            "PostgreSQL", door_rows_arrow},
  benchmark{"door_rows_postgres", "a million rows by COPY in binary",
            "PostgreSQL", door_rows_postgres},
  benchmark{"query_shell", "millrace query of nothing, start to end",
            "PostgreSQL", query_shell},
  benchmark{"result_stream", "10 M rows through a gateway", "", result_stream},
  benchmark{"ingest_beside_queries", "rows into an rdb while q4 is asked", "",
            ingest_beside_queries},
  benchmark{"cancel_query", "from giving a question up to rest", "",
            cancel_query},
  benchmark{"cold_scan", "a column of an hdb that is in no cache", "",
            cold_scan},
};

double load_average() {
  double out = 0;
  return ::getloadavg(&out, 1) == 1 ? out : -1;
}

/// Runs `work` with the options, and a directory of its own.
template <class Work>
int with_scratch(const nodes::bench_options& options, Work work) {
  auto directory = scratch::create();
  if (!directory)
    return nodes::fail(directory.failure());
  if (auto fault = work(
        measure_options{options.runs, (*directory)->path(), options.scale}))
    return nodes::fail(fault);
  return nodes::exit_ok;
}

void print(const outcome& got, const nodes::bench_options& options,
           double load) {
  const bool as_object = options.output == nodes::output_format::json;
  fmt::print("{}\n", as_object ? as_json(got, load).dump(2) : as_text(got));
}

int measure(const benchmark& what, const nodes::bench_options& options) {
  const auto load = load_average();
  return with_scratch(options, [&](const measure_options& how) -> error {
    auto got = what.run(how);
    if (!got)
      return got.failure();
    got->more.emplace_back("scale", options.scale);
    print(*got, options, load);
    return {};
  });
}

/// The one query that is named.
int measure_query(const nodes::bench_options& options) {
  const auto load = load_average();
  return with_scratch(options, [&](const measure_options& how) {
    return measure_queries(
      how, [&](std::string_view name) { return name == options.name; },
      [&](outcome got) {
        got.more.emplace_back("scale", options.scale);
        print(got, options, load);
      });
  });
}

constexpr std::string_view all_queries = "queries";

/// All queries: as text each as soon as it is there, then all together.
int measure_all_queries(const nodes::bench_options& options) {
  const auto load = load_average();
  const bool as_object = options.output == nodes::output_format::json;
  return with_scratch(options, [&](const measure_options& how) -> error {
    std::vector<outcome> got;
    if (auto fault = measure_queries(
          how, [](std::string_view) { return true; },
          [&](outcome each) {
            if (!as_object) {
              fmt::print("{}\n", as_text(each));
              std::fflush(stdout);
            }
            got.push_back(std::move(each));
          }))
      return fault;
    if (as_object) {
      auto out = family_as_json(std::string{all_queries}, got, load);
      out.add("scale", options.scale);
      fmt::print("{}\n", out.dump(2));
    } else {
      fmt::print("{}\n", family_as_text(std::string{all_queries}, got));
    }
    return {};
  });
}

/// One line of `--list`.
struct listed {
  std::string name;
  std::string what;
  std::string peers;
};

std::vector<listed> all_benchmarks() {
  std::vector<listed> out;
  for (const auto& each : benchmarks)
    out.push_back(
      {std::string{each.name}, std::string{each.what}, std::string{each.peer}});
  out.push_back({std::string{all_queries},
                 "all of the queries below, over one data set", "DuckDB"});
  for (const auto& each : query_benchmarks())
    out.push_back({each.name, each.what, "DuckDB"});
  return out;
}

/// [{"name": ..., "what": ..., "peers": ...}, ...]
void print_list_as_json() {
  auto all = text::json_value::array();
  for (const auto& each : all_benchmarks())
    all.add({{"name", each.name}, {"what", each.what}, {"peers", each.peers}});
  fmt::print("{}\n", all.dump(2));
}

} // namespace

int run_bench(const nodes::bench_options& options) {
  if (options.list && options.output == nodes::output_format::json) {
    print_list_as_json();
    return nodes::exit_ok;
  }
  if (options.list) {
    for (const auto& each : all_benchmarks())
      fmt::print("{:<24} {}{}{}\n", each.name, each.what,
                 each.peers.empty() ? "" : "; beside ", each.peers);
    return nodes::exit_ok;
  }
  for (const auto& each : benchmarks)
    if (each.name == options.name)
      return measure(each, options);
  if (options.name == all_queries)
    return measure_all_queries(options);
  for (const auto& each : query_benchmarks())
    if (each.name == options.name)
      return measure_query(options);
  return nodes::fail(
    {errc::invalid_argument,
     "no benchmark is named '" + options.name + "'; --list shows them"});
}

} // namespace millrace::bench
