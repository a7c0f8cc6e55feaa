#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/bench/rdb_probe.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/bench/table_bench.hpp>
#include <millrace/feed/generate/generator.hpp>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t trade_rows = 10'000'000;
constexpr uint32_t batch_rows = 100;

/// Publishes a period's trades, and waits until they are in the stream.
error publish_trades(rt::publisher& to, uint64_t rows) {
  feed::generator_options market;
  market.trades_per_period = rows;
  market.quotes_per_period = 0;
  market.rows_per_batch = batch_rows;
  auto made = feed::generator::open(market);
  if (!made)
    return made.failure();
  while (auto batch = made->next())
    if (auto sent
        = to.publish(batch->batch.bytes, {}, payload_kind::table_batch);
        !sent)
      return sent.failure();
  return to.flush(rt::ack_level::committed, 60s);
}

/// From the start of an RDB until its readers see the last row.
result<double> recover(stream_rig& rig, uint64_t rows) {
  auto& host = rig.host();
  const auto begin = now_ns();
  auto rdb = start_rdb(host);
  if (!rdb)
    return rdb.failure();
  auto fault = wait_for_rows(host, *rdb, rows);
  const auto out = per_second(rows, begin);
  end_rdb(host, *std::move(rdb));
  if (fault)
    return fault;
  return out;
}

} // namespace

result<outcome> rdb_recovery(const measure_options& options) {
  const auto rows = options.scaled(trade_rows);
  auto rig = stream_rig::create(options.directory + "/millrace", true);
  if (!rig)
    return rig.failure();
  if (auto fault = publish_trades((*rig)->publisher(), rows))
    return fault;
  outcome out;
  out.name = "rdb_recovery";
  out.unit = "rows/s";
  out.mode = "cached";
  out.target = 10e6;
  out.more.emplace_back("rows", static_cast<double>(rows));
  out.more.emplace_back("batch_rows", batch_rows);
  return contest{std::move(out), options, table_memory}.measure(
    [&] { return recover(**rig, rows); });
}

} // namespace millrace::bench
