#include <millrace/messages/table_batch.hpp>
#include <millrace/persistence/memory_store.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>

namespace millrace::persistence {
namespace {

table_schema trade_schema() {
  table_schema schema;
  schema.name = "trade";
  schema.columns
    = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
       {"price", column_type::float_},   {"size", column_type::int_},
       {"ex", column_type::symbol},      {"cond", column_type::char_}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

/// `row_count` trades of 500 symbols, the k-th with weight 1 / k, in encoded
/// batches of `batch_rows`.
std::vector<std::vector<std::byte>> trade_batches(size_t row_count,
                                                  size_t batch_rows) {
  std::mt19937_64 random{42};
  std::vector<double> weights;
  std::vector<std::string> names;
  for (int i = 1; i <= 500; ++i) {
    weights.push_back(1.0 / i);
    names.push_back("SY" + std::to_string(i * 37 % 1000));
  }
  std::discrete_distribution<size_t> pick{weights.begin(), weights.end()};
  std::vector<std::vector<std::byte>> out;
  batch_builder builder{trade_schema()};
  for (size_t i = 0; i < row_count; ++i) {
    builder.append(0, static_cast<int64_t>(i) * 2340);
    builder.append_symbol(1, names[pick(random)]);
    builder.append(2, static_cast<double>(random() % 10'000) / 100);
    builder.append(3, static_cast<int32_t>(random() % 1000));
    builder.append_symbol(
      4, std::string(1, static_cast<char>('A' + random() % 12)));
    builder.append(5, static_cast<char>('@' + random() % 4));
    builder.end_row();
    if (builder.row_count() == batch_rows) {
      out.push_back(builder.encode());
      builder.clear();
    }
  }
  return out;
}

/// What an rdb does with each message: decode, append, publish.
void insert(benchmark::State& state) {
  const auto batch_rows = static_cast<size_t>(state.range(0));
  const auto batches = trade_batches(2'000'000, batch_rows);
  memory_store store;
  if (store.declare(trade_schema()))
    state.SkipWithError("declare");
  uint64_t at = 0;
  size_t rounds = 0;
  batch_view view;
  for (auto _ : state) {
    for (const auto& bytes : batches) {
      if (decode_batch(bytes, view) || store.append(view, {at += 8}))
        state.SkipWithError("append");
      store.publish({at});
    }
    if (++rounds % 2 == 0) {
      state.PauseTiming();
      store.end_period({at});
      if (store.drop({at}))
        state.SkipWithError("drop");
      state.ResumeTiming();
    }
  }
  state.SetItemsProcessed(state.iterations() * 2'000'000);
}
BENCHMARK(insert)->Arg(10)->Arg(100)->Arg(1000)->Arg(50'000)->Unit(
  benchmark::kMillisecond);

/// The view of all rows that a query starts with.
void view_of_ten_million(benchmark::State& state) {
  memory_store store;
  const auto batches = trade_batches(2'000'000, 50'000);
  uint64_t at = 0;
  if (store.declare(trade_schema()))
    state.SkipWithError("declare");
  for (int i = 0; i < 5; ++i)
    for (const auto& bytes : batches)
      if (store.append(*decode_batch(bytes), {at += 8}))
        state.SkipWithError("append");
  store.publish({at});
  for (auto _ : state)
    benchmark::DoNotOptimize(store.snapshot()->view("trade")->row_count());
}
BENCHMARK(view_of_ten_million);

} // namespace
} // namespace millrace::persistence

BENCHMARK_MAIN();
