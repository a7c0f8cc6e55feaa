#include <millrace/persistence/log_format.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace millrace::persistence {
namespace {

constexpr lineage_id bench_lineage{{1, 2}};

void sum(benchmark::State& state) {
  std::vector<std::byte> bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(sum)
  ->Arg(32)
  ->Arg(100)
  ->Arg(200)
  ->Arg(256)
  ->Arg(257)
  ->Arg(512)
  ->Arg(1024)
  ->Arg(65536);

// Messages of range(0) bytes into 1 MiB of records; items are messages.
void build(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<size_t>(state.range(0)));
  record_builder builder{bench_lineage, {}};
  int64_t id = 0;
  for (auto _ : state) {
    builder.add(record_kind::messages, payload_kind::opaque,
                {"bench.feed", 1, ++id, null_int}, payload);
    if (builder.bytes().size() > (1u << 20)) {
      builder.close_record();
      builder.restart(position{});
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(build)->Arg(100)->Arg(1024);

void verify(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<size_t>(state.range(0)));
  record_builder builder{bench_lineage, {}};
  int64_t messages = 0;
  while (builder.bytes().size() < (1u << 20))
    builder.add(record_kind::messages, payload_kind::opaque,
                {"bench.feed", 1, ++messages, null_int}, payload);
  builder.close_record();
  for (auto _ : state) {
    auto rest = builder.bytes();
    position at;
    while (!rest.empty()) {
      const auto got
        = parse_record(rest, bench_lineage, at, payload_check::verify);
      if (got.kind != parse_outcome::what::record) {
        state.SkipWithError("damaged");
        return;
      }
      at.value += got.record.length;
      rest = rest.subspan(got.record.length);
    }
  }
  state.SetItemsProcessed(state.iterations() * messages);
}
BENCHMARK(verify)->Arg(100)->Arg(1024);

} // namespace
} // namespace millrace::persistence

BENCHMARK_MAIN();
