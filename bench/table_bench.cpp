#include <millrace/actors/feed/generator.hpp>
#include <millrace/actors/feed/reader.hpp>
#include <millrace/actors/torq/feed_handler.hpp>
#include <millrace/actors/torq/rdb.hpp>
#include <millrace/bench/duckdb_peer.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/bench/table_bench.hpp>
#include <millrace/messages/table_batch.hpp>
#include <millrace/persistence/memory_store.hpp>

#include <nlohmann/json.hpp>

#include <future>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t csv_rows = 10'000'000;

double rows_per_second(uint64_t rows, int64_t begin) {
  return static_cast<double>(rows) * 1e9
         / static_cast<double>(now_ns() - begin);
}

feed::generator_options market() {
  feed::generator_options out;
  out.trades_per_period = csv_rows;
  out.quotes_per_period = 0;
  return out;
}

feed::reader_options reading(const std::string& path) {
  feed::reader_options out;
  out.layout = *feed::preset("csv-trade");
  out.schema = feed::generated_trade_schema();
  out.files = {path};
  out.threads = 2;
  return out;
}

result<double> read_with_duckdb(const std::string& path) {
  auto duckdb = duckdb_peer::open();
  if (!duckdb)
    return duckdb.failure();
  const auto begin = now_ns();
  if (auto fault = (*duckdb)->query(
        "CREATE TABLE trade AS SELECT * FROM read_csv('" + path
        + "', header=true, auto_detect=false, columns={'time':'TIMESTAMP_NS',"
          "'sym':'VARCHAR','price':'DOUBLE','size':'INTEGER','ex':'VARCHAR',"
          "'cond':'VARCHAR'})"))
    return fault;
  return rows_per_second(csv_rows, begin);
}

result<double> parse(persistence::env& env, const std::string& path) {
  const auto begin = now_ns();
  auto reader = feed::reader::open(env, reading(path));
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
  if (rows != csv_rows)
    return error{errc::bad_data, "parsed " + std::to_string(rows) + " rows"};
  return rows_per_second(rows, begin);
}

class csv_source final : public torq::batch_source {
public:
  csv_source(persistence::env& env, std::string path)
    : env_{&env}, path_{std::move(path)} {}
  error open(const std::vector<source_cursor>&) override {
    auto opened = feed::reader::open(*env_, reading(path_));
    if (!opened)
      return opened.failure();
    reader_.emplace(*std::move(opened));
    return {};
  }
  result<std::optional<feed::parsed_batch>> next() override {
    return reader_->next();
  }

private:
  persistence::env* env_;
  std::string path_;
  std::optional<feed::reader> reader_;
};

result<uint64_t> rows_of(caf::scoped_actor& self, const rdb_actor& rdb) {
  result<uint64_t> out{uint64_t{0}};
  self->request(rdb, caf::timespan{10s}, status_atom_v)
    .receive(
      [&](const std::string& text) {
        out = nlohmann::json::parse(text)["rows"]["trade"].get<uint64_t>();
      },
      [&](const caf::error& fault) { out = from_caf(fault); });
  return out;
}

result<double> feed_all(const std::string& directory, const std::string& path) {
  auto rig = stream_rig::create(directory, true);
  if (!rig)
    return rig.failure();
  auto& host = (*rig)->host();
  torq::rdb_settings tables;
  tables.process = "rdb";
  tables.stream = "bench";
  tables.tables = {feed::generated_trade_schema()};
  tables.write_down = false;
  tables.rt = (*rig)->rt();
  const auto rdb = host.keep(host.system().spawn(
    torq::rdb, &host.env(), tables, host.connector(), registrar_actor{}));
  auto opened = rt::publisher::open(host.env(), {.topic = "bench",
                                                 .log_path = directory + "/pub",
                                                 .host = "feed",
                                                 .cached = true});
  if (!opened)
    return opened.failure();
  std::shared_ptr<rt::publisher> out{*std::move(opened)};
  auto merged = std::make_shared<std::promise<error>>();
  torq::feed_settings settings;
  settings.process = "feed";
  settings.stream = "bench";
  settings.rt = (*rig)->rt();
  settings.speed = *feed::parse_speed("max");
  settings.schemas = tables.tables;
  settings.on_done = [merged](const error& fault) { merged->set_value(fault); };
  const auto begin = now_ns();
  host.keep(
    host.system().spawn(torq::feed_handler, &host.env(), settings, out,
                        std::shared_ptr<torq::batch_source>{
                          std::make_shared<csv_source>(host.env(), path)},
                        host.connector()));
  if (auto fault = merged->get_future().get())
    return fault;
  caf::scoped_actor self{host.system()};
  for (;;) {
    auto rows = rows_of(self, rdb);
    if (!rows)
      return rows.failure();
    if (*rows == csv_rows)
      return rows_per_second(csv_rows, begin);
  }
}

/// Measures `ours` beside read_csv on the same file.
template <class Ours>
result<outcome> beside_duckdb(const std::string& name, double target,
                              const measure_options& options, Ours ours) {
  // Missing, it is told before minutes of work.
  if (auto probe = duckdb_peer::open(); !probe)
    return probe.failure();
  const auto path = options.directory + "/trades.csv";
  if (auto fault = feed::write_generated_csv(persistence::posix_file_system(),
                                             market(), path, {}))
    return fault;
  outcome out;
  out.name = name;
  out.unit = "rows/s";
  std::vector<double> theirs;
  for (unsigned i = 0; i < options.runs; ++i) {
    auto got = ours(path);
    if (!got)
      return got.failure();
    out.runs.push_back(*got);
    auto other = read_with_duckdb(path);
    if (!other)
      return other.failure();
    theirs.push_back(*other);
  }
  out.value = median(out.runs);
  out.beside.push_back(
    {"DuckDB read_csv into memory, 2 threads", median(theirs), target});
  out.more.emplace_back("rows", static_cast<double>(csv_rows));
  return out;
}

} // namespace

result<outcome> csv_parse(const measure_options& options) {
  auto real = nodes::real_env::create();
  if (!real)
    return real.failure();
  return beside_duckdb("csv_parse", 5, options, [&](const std::string& path) {
    return parse((*real)->world(), path);
  });
}

result<outcome> csv_feed(const measure_options& options) {
  auto out
    = beside_duckdb("csv_feed", 2, options, [&](const std::string& path) {
        return feed_all(options.directory + "/millrace", path);
      });
  if (out)
    out->mode = "cached";
  return out;
}

result<outcome> rdb_insert(const measure_options& options) {
  constexpr uint64_t row_count = 2'000'000;
  if (auto probe = duckdb_peer::open(); !probe)
    return probe.failure();
  auto shape = market();
  shape.trades_per_period = row_count;
  shape.rows_per_batch = 100;
  auto made = feed::generator::open(shape);
  if (!made)
    return made.failure();
  std::vector<std::vector<std::byte>> batches;
  while (auto batch = made->next())
    batches.push_back(std::move(batch->batch.bytes));
  const std::vector<std::byte> zeros(row_count * 8);
  outcome out;
  out.name = "rdb_insert";
  out.unit = "rows/s";
  std::vector<double> theirs;
  for (unsigned i = 0; i < options.runs; ++i) {
    persistence::memory_store store;
    if (auto fault = store.declare(feed::generated_trade_schema()))
      return fault;
    batch_view view;
    uint64_t at = 0;
    auto begin = now_ns();
    for (const auto& bytes : batches) {
      if (auto fault = decode_batch(bytes, view))
        return fault;
      if (auto fault = store.append(view, {at += 8}))
        return fault;
      store.publish({at});
    }
    out.runs.push_back(rows_per_second(row_count, begin));
    auto duckdb = duckdb_peer::open();
    if (!duckdb)
      return duckdb.failure();
    if (auto fault = (*duckdb)->query(
          "CREATE TABLE trade(time TIMESTAMP_NS, sym USMALLINT, price DOUBLE,"
          " size INTEGER, ex UTINYINT, cond UTINYINT)"))
      return fault;
    begin = now_ns();
    if (auto fault = (*duckdb)->append("trade",
                                       {{zeros, 8},
                                        {zeros, 2},
                                        {zeros, 8},
                                        {zeros, 4},
                                        {zeros, 1},
                                        {zeros, 1}},
                                       row_count, 1'000))
      return fault;
    theirs.push_back(rows_per_second(row_count, begin));
  }
  out.value = median(out.runs);
  out.beside.push_back(
    {"DuckDB appender, flushed every 1000 rows", median(theirs), 12});
  out.more.emplace_back("batch_rows", 100);
  return out;
}

} // namespace millrace::bench
