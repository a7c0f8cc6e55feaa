#include <millrace/bench/answer_bench.hpp>
#include <millrace/bench/query_ask.hpp>
#include <millrace/bench/written_period.hpp>
#include <millrace/feed/generate/generator.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace millrace::bench {

namespace {

constexpr uint64_t cold_rows = 50'000'000;
constexpr size_t read_bytes = size_t{1} << 20;

/// Writes the quotes of one date down. Their rows are of memory until then.
error write_quotes(nodes::real_env& host, const std::string& directory,
                   uint64_t rows) {
  feed::generator_options market;
  market.trades_per_period = 0;
  market.quotes_per_period = rows;
  market.rows_per_batch = 10'000;
  auto made = feed::generator::open(market);
  if (!made)
    return made.failure();
  persistence::memory_store store;
  if (auto fault = store.declare(feed::generated_quote_schema()))
    return fault;
  batch_view view;
  uint64_t at = 0;
  int32_t date = 0;
  while (const auto batch = made->next()) {
    date = batch->date;
    if (auto fault = decode_batch(batch->batch.bytes, view))
      return fault;
    if (auto fault = store.append(view, {at += 8}))
      return fault;
  }
  store.end_period({at});
  const auto snapshot = store.snapshot();
  persistence::period_request request;
  request.stream = "bench";
  request.period = date;
  request.partition = persistence::date_partition_name(date);
  request.to = snapshot->end;
  request.tables = {*snapshot->view("quote")};
  return write_period(host.world(), directory, std::move(request));
}

error drop_from_cache(const std::filesystem::path& path) {
  descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  // What was not written yet would stay.
  if (file.get() < 0 || ::fdatasync(file.get()) != 0
      || ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) != 0)
    return system_error(path.string());
  return {};
}

error drop_all(const std::string& directory) {
  for (const auto& each :
       std::filesystem::recursive_directory_iterator{directory})
    if (each.is_regular_file())
      if (auto fault = drop_from_cache(each.path()))
        return fault;
  return {};
}

/// A file of which each block is written.
error write_file(const std::string& path, uint64_t bytes) {
  std::ofstream file{path, std::ios::binary};
  const std::string block(read_bytes, '\1');
  for (uint64_t done = 0; done < bytes; done += block.size())
    file.write(block.data(), static_cast<std::streamsize>(block.size()));
  file.flush();
  return file ? error{} : system_error(path);
}

/// Reads a file that is in no cache, a half by each of two threads.
result<double> read_file(const std::string& path, uint64_t bytes) {
  if (auto fault = drop_from_cache(path))
    return fault;
  std::array<uint64_t, 2> got{};
  const auto begin = now_ns();
  {
    std::vector<std::jthread> threads;
    for (size_t half = 0; half < got.size(); ++half)
      threads.emplace_back([&, half] {
        const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
        std::vector<char> into(read_bytes);
        const auto each = bytes / got.size();
        for (uint64_t at = half * each; at < (half + 1) * each;) {
          const auto read = ::pread(file.get(), into.data(), into.size(),
                                    static_cast<off_t>(at));
          if (read <= 0)
            return;
          at += static_cast<uint64_t>(read);
          got[half] += static_cast<uint64_t>(read);
        }
      });
  }
  if (got[0] + got[1] < bytes / 2 * 2)
    return error{errc::storage_failed, path + ": read less than it holds"};
  return per_second(bytes, begin);
}

} // namespace

result<outcome> cold_scan(const measure_options& options) {
  auto host = nodes::real_env::create({.pool_threads = 2});
  if (!host)
    return host.failure();
  const auto rows = options.scaled(cold_rows);
  const auto bytes = rows * sizeof(double);
  const auto hdb = options.directory + "/hdb";
  if (auto fault = write_quotes(**host, hdb, rows))
    return fault;
  const auto plain = options.directory + "/plain";
  if (auto fault = write_file(plain, bytes))
    return fault;
  query_data data;
  data.host = *std::move(host);
  data.schemas = {feed::generated_quote_schema()};
  const auto question = question_of("select sum(bid) from quote");
  outcome what;
  what.name = "cold_scan";
  what.unit = "B/s";
  contest all{std::move(what), options};
  all.add({.name = "read of two threads", .target = 0.9, .is = standing::limit},
          [&] { return read_file(plain, bytes); });
  return all.measure([&]() -> result<double> {
    // What is mapped stays in the cache.
    data.hdb.reset();
    if (auto fault = drop_all(hdb))
      return fault;
    auto opened = persistence::hdb_store::open(*data.host->world().fs, hdb);
    if (!opened)
      return opened.failure();
    data.hdb = *std::move(opened);
    const auto begin = now_ns();
    if (const auto got = ask(data, row_layout::hdb, question); !got)
      return got.failure();
    return per_second(bytes, begin);
  });
}

} // namespace millrace::bench
