#include <millrace/bench/duckdb_peer.hpp>
#include <millrace/bench/table_bench.hpp>
#include <millrace/bench/written_period.hpp>
#include <millrace/feed/generate/generator.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

namespace millrace::bench {

namespace {

constexpr uint64_t quote_rows = 10'000'000;
constexpr size_t column_count = 6; ///< Without the exchange: 34 bytes per row.

/// Quotes in their order of arrival: as an RDB holds them, and as columns.
struct quotes {
  persistence::memory_store store;
  /// time, sym (a number, of names in byte order), bid, ask, bsize, asize.
  std::vector<std::byte> columns[column_count];
  std::vector<std::string> names;
  uint64_t rows = 0;
};

constexpr size_t widths[column_count] = {8, 2, 8, 8, 4, 4};

/// Numbers symbols as they come, later in byte order.
class symbol_numbers {
public:
  void append(const batch_column& column, uint32_t rows) {
    codes_.resize(column.dictionary_ends.size());
    for (uint32_t code = 0; code < codes_.size(); ++code)
      codes_[code] = numbers_
                       .try_emplace(std::string{column.symbol(code)},
                                    static_cast<uint16_t>(numbers_.size()))
                       .first->second;
    const auto* values = column.as<uint32_t>();
    for (uint32_t row = 0; row < rows; ++row)
      all_.push_back(codes_[values[row]]);
  }

  void finish(quotes& into) {
    std::vector<uint16_t> ranks(numbers_.size());
    for (const auto& [name, number] : numbers_) {
      ranks[number] = static_cast<uint16_t>(into.names.size());
      into.names.push_back(name);
    }
    for (auto& number : all_)
      number = ranks[number];
    const auto bytes = std::as_bytes(std::span{all_});
    into.columns[1].assign(bytes.begin(), bytes.end());
  }

private:
  std::map<std::string, uint16_t> numbers_;
  std::vector<uint16_t> codes_;
  std::vector<uint16_t> all_;
};

void append(const batch_view& batch, quotes& into) {
  for (size_t i = 0; i < column_count; ++i)
    if (i != 1)
      into.columns[i].insert(into.columns[i].end(), batch.columns[i].values,
                             batch.columns[i].values
                               + batch.row_count * widths[i]);
}

result<std::unique_ptr<quotes>> make_quotes(uint64_t rows) {
  feed::generator_options market;
  market.trades_per_period = 0;
  market.quotes_per_period = rows;
  auto made = feed::generator::open(market);
  if (!made)
    return made.failure();
  auto out = std::make_unique<quotes>();
  auto schema = feed::generated_quote_schema();
  schema.columns.resize(column_count);
  if (auto fault = out->store.declare(schema))
    return fault;
  symbol_numbers symbols;
  batch_view view;
  uint64_t at = 0;
  while (auto batch = made->next()) {
    if (auto fault = decode_batch(batch->batch.bytes, view))
      return fault;
    view.columns.resize(column_count);
    if (auto fault = out->store.append(view, {at += 8}))
      return fault;
    symbols.append(view.columns[1], view.row_count);
    append(view, *out);
    out->rows += view.row_count;
  }
  symbols.finish(*out);
  out->store.end_period({at});
  return out;
}

result<double> write_down(persistence::env& env, const quotes& from,
                          const std::string& directory) {
  std::filesystem::remove_all(directory);
  const auto snapshot = from.store.snapshot();
  persistence::period_request request;
  request.stream = "bench";
  request.partition = persistence::date_partition_name(0);
  request.to = snapshot->end;
  request.tables = {*snapshot->view("quote")};
  const auto begin = now_ns();
  if (auto fault = write_period(env, directory, std::move(request)))
    return fault;
  return per_second(from.rows, begin);
}

/// DuckDB with the same rows in memory, in their order of arrival.
result<std::unique_ptr<duckdb_peer>> load_duckdb(const quotes& from) {
  auto out = duckdb_peer::open();
  if (!out)
    return out.failure();
  std::string names;
  for (const auto& name : from.names)
    names += (names.empty() ? "'" : ",'") + name + "'";
  for (const auto& sql :
       {"CREATE TYPE symbol AS ENUM (" + names + ")",
        std::string{"CREATE TABLE quote(time TIMESTAMP_NS, sym symbol, "
                    "bid DOUBLE, ask DOUBLE, bsize INTEGER, asize INTEGER)"}})
    if (auto fault = (*out)->query(sql))
      return fault;
  std::vector<duckdb_peer::column> columns;
  for (size_t i = 0; i < column_count; ++i)
    columns.push_back({from.columns[i], widths[i]});
  if (auto fault = (*out)->append("quote", columns, from.rows, 2'000))
    return fault;
  return out;
}

result<double> write_duckdb(duckdb_peer& duckdb, const std::string& path,
                            uint64_t rows) {
  std::filesystem::remove(path);
  if (auto fault = duckdb.query("ATTACH '" + path + "' AS file"))
    return fault;
  const auto begin = now_ns();
  for (const auto* sql : {"CREATE TABLE file.quote AS SELECT * FROM quote "
                          "ORDER BY sym, time",
                          "CHECKPOINT file"})
    if (auto fault = duckdb.query(sql))
      return fault;
  const auto out = per_second(rows, begin);
  if (auto fault = duckdb.query("DETACH file"))
    return fault;
  return out;
}

} // namespace

result<outcome> eop_write(const measure_options& options) {
  // Missing, it is told before a minute of work.
  if (auto probe = duckdb_peer::open(); !probe)
    return probe.failure();
  auto real = nodes::real_env::create();
  if (!real)
    return real.failure();
  auto rows = make_quotes(options.scaled(quote_rows));
  if (!rows)
    return rows.failure();
  auto duckdb = load_duckdb(**rows);
  if (!duckdb)
    return duckdb.failure();
  outcome out;
  out.name = "eop_write";
  out.unit = "rows/s";
  out.mode = "synced";
  out.more.emplace_back("rows", static_cast<double>((*rows)->rows));
  contest all{std::move(out), options, table_memory};
  all.add({"DuckDB ORDER BY into its file, 2 threads", 0, 2.3}, [&] {
    return write_duckdb(**duckdb, options.directory + "/eop.duckdb",
                        (*rows)->rows);
  });
  return all.measure([&] {
    return write_down((*real)->world(), **rows, options.directory + "/hdb");
  });
}

} // namespace millrace::bench
