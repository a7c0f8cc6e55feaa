#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>
#include <unistd.h>

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

table_schema quote_schema() {
  table_schema schema;
  schema.name = "quote";
  schema.columns
    = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
       {"bid", column_type::float_},     {"ask", column_type::float_},
       {"bsize", column_type::int_},     {"asize", column_type::int_}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

/// An rdb with `row_count` quotes of 500 symbols in order of arrival.
std::unique_ptr<memory_store> quote_store(size_t row_count) {
  auto store = std::make_unique<memory_store>();
  if (store->declare(quote_schema()))
    return nullptr;
  std::mt19937_64 random{7};
  std::vector<double> weights;
  for (int i = 1; i <= 500; ++i)
    weights.push_back(1.0 / i);
  std::discrete_distribution<int> pick{weights.begin(), weights.end()};
  batch_builder builder{quote_schema()};
  uint64_t at = 0;
  for (size_t i = 0; i < row_count; ++i) {
    builder.append(0, static_cast<int64_t>(i) * 2340);
    builder.append_symbol(1, "SY" + std::to_string(pick(random) * 37 % 1000));
    builder.append(2, static_cast<double>(random() % 10'000) / 100);
    builder.append(3, static_cast<double>(random() % 10'000) / 100);
    builder.append(4, static_cast<int32_t>(random() % 1000));
    builder.append(5, static_cast<int32_t>(random() % 1000));
    builder.end_row();
    if (builder.row_count() == 50'000 || i + 1 == row_count) {
      const auto bytes = builder.encode();
      if (store->append(*decode_batch(bytes), {at += 8}))
        return nullptr;
      builder.clear();
    }
  }
  store->end_period({at});
  return store;
}

/// Runs the jobs of one stage on `thread_count` threads.
bool run_jobs(std::vector<std::function<error()>> jobs, size_t thread_count) {
  std::atomic<size_t> next{0};
  std::atomic<bool> good{true};
  const auto work = [&] {
    for (auto i = next++; i < jobs.size(); i = next++)
      if (jobs[i]())
        good = false;
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < thread_count; ++i)
    threads.emplace_back(work);
  work();
  for (auto& thread : threads)
    thread.join();
  return good;
}

/// End of period: ten million quotes sorted, written, synced and committed.
/// Runs below $MILLRACE_BENCH_DIR, or the directory for temporary files.
void end_of_period(benchmark::State& state) {
  constexpr size_t row_count = 10'000'000;
  const auto store = quote_store(row_count);
  const auto* root = std::getenv("MILLRACE_BENCH_DIR");
  const auto path = (root ? std::filesystem::path{root}
                          : std::filesystem::temp_directory_path())
                    / ("millrace_store_bench." + std::to_string(::getpid()));
  env world;
  world.fs = &posix_file_system();
  const auto snapshot = store->snapshot();
  for (auto _ : state) {
    auto writer = hdb_writer::open(world, path.string());
    if (!writer)
      return state.SkipWithError("open");
    period_request request;
    request.stream = "ticks";
    request.partition = "bench";
    request.to = snapshot->end;
    request.tables = {*snapshot->view("quote")};
    auto write = period_write::begin(**writer, std::move(request));
    if (!write)
      return state.SkipWithError("begin");
    for (auto jobs = (*write)->next_stage(); !jobs.empty();
         jobs = (*write)->next_stage())
      if (!run_jobs(std::move(jobs), static_cast<size_t>(state.range(0))))
        return state.SkipWithError("job");
    if ((*write)->commit())
      return state.SkipWithError("commit");
    state.PauseTiming();
    std::filesystem::remove_all(path);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(row_count));
}
BENCHMARK(end_of_period)
  ->Arg(1)
  ->Arg(2)
  ->Arg(3)
  ->Iterations(3)
  ->UseRealTime()
  ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace millrace::persistence

BENCHMARK_MAIN();
