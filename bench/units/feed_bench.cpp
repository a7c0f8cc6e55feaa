// Feed parsing and generation. MILLRACE_BENCH_CSV names a file in the layout
// of preset csv-trade, such as the generator writes (write_generated_csv).
#include <millrace/feed/generate/generator.hpp>
#include <millrace/feed/source/reader.hpp>

#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace millrace::feed {
namespace {

/// One helper thread behind the executor's seam.
class helper_thread : public persistence::executor {
public:
  helper_thread() : thread_{[this] { run(); }} {}
  ~helper_thread() override {
    submit({});
    thread_.join();
  }
  void submit(std::function<void()> job) override {
    {
      std::lock_guard lock{mutex_};
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

private:
  void run() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return !jobs_.empty(); });
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      if (!job)
        return;
      job();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
};

void parse_csv(benchmark::State& state) {
  const auto* path = std::getenv("MILLRACE_BENCH_CSV");
  if (!path) {
    state.SkipWithError("MILLRACE_BENCH_CSV is not set");
    return;
  }
  helper_thread helper;
  persistence::env outside;
  outside.fs = &persistence::posix_file_system();
  outside.pool = &helper;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  for (auto step : state) {
    reader_options options;
    options.layout = *preset("csv-trade");
    options.schema = *preset_schema("csv-trade");
    // One character each: what the peers' tables have.
    options.schema.columns[4].type = column_type::char_;
    options.schema.columns[5].type = column_type::char_;
    options.files = {path};
    options.threads = static_cast<uint32_t>(state.range(0));
    auto opened = reader::open(outside, std::move(options));
    if (!opened) {
      state.SkipWithError(to_string(opened.failure()).c_str());
      return;
    }
    for (;;) {
      auto batch = opened->next();
      if (!batch) {
        state.SkipWithError(to_string(batch.failure()).c_str());
        return;
      }
      if (!*batch)
        break;
      benchmark::DoNotOptimize((*batch)->bytes.data());
    }
    rows += opened->counters().rows;
    bytes += opened->counters().bytes;
  }
  state.SetItemsProcessed(static_cast<int64_t>(rows));
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(parse_csv)->Arg(1)->Arg(2)->UseRealTime()->Unit(
  benchmark::kMillisecond);

void generate(benchmark::State& state) {
  generator_options options;
  options.symbols = static_cast<uint32_t>(state.range(0));
  options.trades_per_period = 500'000;
  options.quotes_per_period = 1'500'000;
  options.late_share = 0.01;
  options.null_share = 0.01;
  int64_t rows = 0;
  for (auto step : state) {
    auto made = generator::open(options);
    if (!made) {
      state.SkipWithError(to_string(made.failure()).c_str());
      return;
    }
    while (auto batch = made->next())
      rows += batch->batch.rows;
  }
  state.SetItemsProcessed(rows);
}
BENCHMARK(generate)->Arg(500)->Arg(10'000)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace millrace::feed

BENCHMARK_MAIN();
