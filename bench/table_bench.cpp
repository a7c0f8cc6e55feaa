#include <millrace/bench/duckdb_peer.hpp>
#include <millrace/bench/rdb_probe.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/bench/table_bench.hpp>
#include <millrace/feed/generate/generator.hpp>
#include <millrace/feed/source/file_source.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/assembly/feed_process.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <future>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t csv_rows = 10'000'000;
constexpr uint64_t insert_rows = 2'000'000;
constexpr uint32_t batch_rows = 100;

feed::generator_options market(uint64_t rows) {
  feed::generator_options out;
  out.trades_per_period = rows;
  out.quotes_per_period = 0;
  return out;
}

/// Trades as text, and how many.
struct csv_file {
  std::string path;
  uint64_t rows = 0;
};

feed::reader_options reading(const std::string& path) {
  feed::reader_options out;
  out.layout = *feed::preset("csv-trade");
  out.schema = feed::generated_trade_schema();
  out.files = {path};
  out.threads = 2;
  return out;
}

result<double> read_with_duckdb(const csv_file& file) {
  auto duckdb = duckdb_peer::open();
  if (!duckdb)
    return duckdb.failure();
  const auto begin = now_ns();
  if (auto fault = (*duckdb)->query(
        "CREATE TABLE trade AS SELECT * FROM read_csv('" + file.path
        + "', header=true, auto_detect=false, columns={'time':'TIMESTAMP_NS',"
          "'sym':'VARCHAR','price':'DOUBLE','size':'INTEGER','ex':'VARCHAR',"
          "'cond':'VARCHAR'})"))
    return fault;
  return per_second(file.rows, begin);
}

result<double> parse(persistence::env& env, const csv_file& file) {
  const auto begin = now_ns();
  auto reader = feed::reader::open(env, reading(file.path));
  if (!reader)
    return reader.failure();
  uint64_t rows = 0;
  for (;;) {
    auto batch = reader->next();
    if (!batch)
      return batch.failure();
    if (!*batch)
      break;
    rows += (*batch)->rows;
  }
  if (rows != file.rows)
    return error{errc::bad_data, "parsed " + std::to_string(rows) + " rows"};
  return per_second(rows, begin);
}

result<double> feed_all(const std::string& directory, const csv_file& file) {
  auto rig = stream_rig::create(directory, true);
  if (!rig)
    return rig.failure();
  auto& host = (*rig)->host();
  const auto rdb = start_rdb(host);
  if (!rdb)
    return rdb.failure();
  auto merged = std::make_shared<std::promise<error>>();
  nodes::feed_plan plan;
  plan.process = "feed";
  plan.stream = "bench";
  plan.work.schemas = {feed::generated_trade_schema()};
  plan.source = std::make_shared<feed::file_source>(
    host.env(), reading(file.path), host.config().log_path + "/rejects.txt",
    std::make_shared<feed::batch_source_counters>());
  plan.on_done = [merged](const error& fault) { merged->set_value(fault); };
  const auto begin = now_ns();
  if (auto feed = nodes::start_feed_handler(host, std::move(plan)); !feed)
    return feed.failure();
  if (auto fault = merged->get_future().get())
    return fault;
  if (auto fault = wait_for_rows(host, *rdb, file.rows))
    return fault;
  return per_second(file.rows, begin);
}

/// Measures `ours` beside read_csv on the same file.
template <class Ours>
result<outcome> beside_duckdb(const std::string& name, double target,
                              const measure_options& options, Ours ours) {
  // Missing, it is told before minutes of work.
  if (auto probe = duckdb_peer::open(); !probe)
    return probe.failure();
  const csv_file file{options.directory + "/trades.csv",
                      options.scaled(csv_rows)};
  if (auto fault = feed::write_generated_csv(persistence::posix_file_system(),
                                             market(file.rows), file.path, {}))
    return fault;
  outcome out;
  out.name = name;
  out.unit = "rows/s";
  out.more.emplace_back("rows", static_cast<double>(file.rows));
  contest all{std::move(out), options, table_memory};
  all.add({"DuckDB read_csv into memory, 2 threads", 0, target},
          [&] { return read_with_duckdb(file); });
  return all.measure([&] { return ours(file); });
}

using encoded_batches = std::vector<std::vector<std::byte>>;

encoded_batches trade_batches(uint64_t rows, uint32_t rows_per_batch) {
  auto shape = market(rows);
  shape.rows_per_batch = rows_per_batch;
  auto made = feed::generator::open(shape);
  MILLRACE_ASSERT(made);
  encoded_batches out;
  while (auto batch = made->next())
    out.push_back(std::move(batch->batch.bytes));
  return out;
}

/// What an RDB does with each message: decode, append, publish.
result<double> insert(const encoded_batches& batches, uint64_t rows) {
  persistence::memory_store store;
  if (auto fault = store.declare(feed::generated_trade_schema()))
    return fault;
  batch_view view;
  uint64_t at = 0;
  const auto begin = now_ns();
  for (const auto& bytes : batches) {
    if (auto fault = decode_batch(bytes, view))
      return fault;
    if (auto fault = store.append(view, {at += 8}))
      return fault;
    store.publish({at});
  }
  return per_second(rows, begin);
}

result<double> insert_into_duckdb(uint64_t rows) {
  const std::vector<std::byte> zeros(rows * 8);
  auto duckdb = duckdb_peer::open();
  if (!duckdb)
    return duckdb.failure();
  if (auto fault = (*duckdb)->query(
        "CREATE TABLE trade(time TIMESTAMP_NS, sym USMALLINT, price DOUBLE,"
        " size INTEGER, ex UTINYINT, cond UTINYINT)"))
    return fault;
  const auto begin = now_ns();
  if (auto fault = (*duckdb)->append("trade",
                                     {{zeros, 8},
                                      {zeros, 2},
                                      {zeros, 8},
                                      {zeros, 4},
                                      {zeros, 1},
                                      {zeros, 1}},
                                     rows, 1'000))
    return fault;
  return per_second(rows, begin);
}

} // namespace

result<outcome> csv_parse(const measure_options& options) {
  auto real = nodes::real_env::create();
  if (!real)
    return real.failure();
  return beside_duckdb("csv_parse", 5, options, [&](const csv_file& file) {
    return parse((*real)->world(), file);
  });
}

result<outcome> csv_feed(const measure_options& options) {
  auto out = beside_duckdb("csv_feed", 2, options, [&](const csv_file& file) {
    return feed_all(options.directory + "/millrace", file);
  });
  if (out)
    out->mode = "cached";
  return out;
}

result<outcome> rdb_insert(const measure_options& options) {
  if (auto probe = duckdb_peer::open(); !probe)
    return probe.failure();
  const auto rows = options.scaled(insert_rows);
  const auto batches = trade_batches(rows, batch_rows);
  outcome out;
  out.name = "rdb_insert";
  out.unit = "rows/s";
  out.more.emplace_back("batch_rows", batch_rows);
  contest all{std::move(out), options, table_memory};
  all.add({"DuckDB appender, flushed every 1000 rows", 0, 12},
          [&] { return insert_into_duckdb(rows); });
  return all.measure([&] { return insert(batches, rows); });
}

} // namespace millrace::bench
