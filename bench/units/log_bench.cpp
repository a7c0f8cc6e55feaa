#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>
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

/// A log on the real disk, in the page cache; removed at the end.
struct disk_log {
  disk_log() {
    std::filesystem::remove_all(directory);
    world.fs = &posix_file_system();
    world.random = [] { return uint64_t{1}; };
    writer = *log_writer::open(world, {.directory = directory});
  }
  ~disk_log() {
    writer.reset();
    std::filesystem::remove_all(directory);
  }
  void append(std::span<const std::byte> payload) {
    ++id;
    if (!writer->append(record_kind::messages, payload_kind::opaque,
                        {"bench.feed", 1, id, null_int}, payload)
        || (writer->buffered_bytes() >= (64u << 10) && writer->write()))
      std::abort();
  }
  std::string directory
    = (std::filesystem::temp_directory_path()
       / ("millrace_log_bench." + std::to_string(::getpid())))
        .string();
  env world;
  std::unique_ptr<log_writer> writer;
  int64_t id = 0;
};

// Appends and writes in blocks of 64 KiB; goes on in the same file.
void append(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<size_t>(state.range(0)));
  disk_log log;
  for (auto _ : state)
    log.append(payload);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(append)->Arg(100)->Arg(1024)->Iterations(2'000'000);

// Reads a log from its start, every payload verified; items are messages.
void replay(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<size_t>(state.range(0)));
  disk_log log;
  while (log.id < 1'000'000)
    log.append(payload);
  if (log.writer->write())
    std::abort();
  for (auto _ : state) {
    auto reader
      = *log_reader::open(*log.world.fs, {.directory = log.directory}, {});
    int64_t seen = 0;
    for (;;) {
      auto item = reader->next();
      if (!item || std::holds_alternative<log_end>(*item))
        break;
      ++seen;
    }
    if (seen != log.id)
      state.SkipWithError("messages are missing");
  }
  state.SetItemsProcessed(state.iterations() * log.id);
}
BENCHMARK(replay)->Arg(100)->Arg(1024)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace millrace::persistence

BENCHMARK_MAIN();
