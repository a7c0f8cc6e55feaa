#include <millrace/bench/answer_bench.hpp>
#include <millrace/bench/gateway_bench.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/peer_server.hpp>
#include <millrace/bench/postgres_peer.hpp>
#include <millrace/bench/query_ask.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/bench/tick_cluster.hpp>

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t stored_trades = 10'000'000;
constexpr uint64_t ingested_trades = 4'000'000;
constexpr unsigned shell_starts = 40;
constexpr auto patience = 60s;

constexpr auto all_rows = "select time, sym, price, size from trade";
constexpr auto bars_of_all
  = "select sym, time_bucket('1 minute', time) as bar, first(price) as o, "
    "max(price) as h, min(price) as l, last(price) as c, sum(size) as v from "
    "trade group by sym, bar";
/// Seconds of work for each thread there is.
constexpr auto heavy
  = "select sym, time_bucket('1 second', time) as bar, median(price) as p, "
    "median(size) as s, count(distinct size) as n, count(distinct price) as m "
    "from trade group by sym, bar";

/// A tick database and its gateway.
struct asked_ticks {
  /// Of what is not in this process.
  std::vector<std::unique_ptr<part_process>> parts;
  std::unique_ptr<nodes::runtime> host;
  gateway_actor gateway;
};

/// All of it in this process.
result<asked_ticks> start_with(const std::string& directory, uint64_t trades) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const auto config = tick_cluster(directory, {0});
  auto host = start_ticks(config);
  if (!host)
    return host.failure();
  if (auto fault = publish_trades(**host, trades))
    return fault;
  auto gateway = gateway_with(**host, config, trades);
  if (!gateway)
    return gateway.failure();
  return asked_ticks{{}, *std::move(host), *std::move(gateway)};
}

/// Gateway, stores and this one in a process each.
result<asked_ticks> start_apart(const std::string& directory, uint64_t trades) {
  std::filesystem::create_directories(directory);
  auto made = start_spread_ticks(directory);
  if (!made)
    return made.failure();
  if (auto fault = publish_trades(*made->host, trades))
    return fault;
  auto gateway = gateway_with(*made->host, made->host->config(), trades);
  if (!gateway)
    return gateway.failure();
  return asked_ticks{std::move(made->parts), std::move(made->host),
                     *std::move(gateway)};
}

/// Reads all rows of an answer. @returns the bytes of their columns
result<uint64_t> read_all(asked_ticks& from, const std::string& question,
                          nodes::answer_listener to = {}) {
  auto reader = nodes::answer_reader::ask(*from.host, from.gateway, question,
                                          patience, std::move(to));
  if (!reader)
    return reader.failure();
  uint64_t bytes = 0;
  for (;;) {
    const auto rows = reader->next();
    if (!rows)
      return rows.failure();
    if (!*rows)
      return bytes;
    bytes += (*rows)->byte_count();
  }
}

/// Asks one question over and over in a thread of its own.
class asking_loop {
public:
  asking_loop(nodes::runtime& host, gateway_actor gateway)
    : thread_{[this, &host, gateway = std::move(gateway)] {
        const auto question = question_of(bars_of_all);
        while (!ends_ && !fault_) {
          fault_
            = nodes::ask_gateway(host, gateway, question, patience).failure();
          ++asked_;
        }
      }} {}
  ~asking_loop() { (void)end(); }
  /// @returns how many were answered
  result<uint64_t> end() {
    ends_ = true;
    if (thread_.joinable())
      thread_.join();
    if (fault_)
      return fault_;
    return asked_;
  }

private:
  std::atomic<bool> ends_{false};
  error fault_;
  uint64_t asked_ = 0;
  std::thread thread_;
};

/// @param beside whether questions are asked meanwhile
result<double> ingest(const measure_options& options, bool beside,
                      uint64_t& asked) {
  const auto trades = options.scaled(ingested_trades);
  auto made = start_with(options.directory + "/ticks", trades);
  if (!made)
    return made.failure();
  std::optional<asking_loop> questions;
  if (beside)
    questions.emplace(*made->host, made->gateway);
  const auto begin = now_ns();
  if (auto fault = publish_trades(*made->host, trades, {}, "second"))
    return fault;
  if (auto seen = gateway_with(*made->host, made->host->config(), 2 * trades);
      !seen)
    return seen.failure();
  const auto out = per_second(trades, begin);
  if (!questions)
    return out;
  const auto answered = questions->end();
  if (!answered)
    return answered.failure();
  asked += *answered;
  return out;
}

/// Nanoseconds that all threads of this process but the calling one have run.
uint64_t worked_ns() {
  uint64_t out = 0;
  const auto own = std::to_string(::gettid());
  for (const auto& each :
       std::filesystem::directory_iterator{"/proc/self/task"}) {
    if (each.path().filename() == own)
      continue;
    std::ifstream file{each.path() / "schedstat"};
    uint64_t ran = 0;
    if (file >> ran)
      out += ran;
  }
  return out;
}

/// Waits until the others run less than a tenth of the time, for 20 ms.
/// @returns when that began
int64_t wait_for_rest() {
  constexpr int64_t window = 20'000'000;
  auto since = now_ns();
  auto worked = worked_ns();
  while (now_ns() - since < window) {
    // lint: allow(sleep): threads are looked at, and tell nobody.
    std::this_thread::sleep_for(1ms);
    const auto now = now_ns();
    const auto more = worked_ns();
    if (more - worked <= static_cast<uint64_t>(now - since) / 10 + 200'000)
      continue;
    since = now;
    worked = more;
  }
  return since;
}

result<double> cancel_once(asked_ticks& ticks) {
  const auto begin = now_ns();
  int64_t given_up = 0;
  const auto got = read_all(ticks, question_of(heavy), {.interrupted = [&] {
                              // In the midst of it: an answer takes a second
                              // and more.
                              if (now_ns() - begin < 100'000'000)
                                return false;
                              given_up = now_ns();
                              return true;
                            }});
  if (got || got.failure().code != errc::cancelled)
    return got ? error{errc::internal, "it was answered before it was given up"}
               : got.failure();
  return static_cast<double>(wait_for_rest() - given_up) / 1e6;
}

/// One whole tick database for `millrace node`.
std::string cluster_file(const std::string& directory, uint16_t port) {
  auto out = fmt::format(R"([cluster]
name = "bench"
data = "{0}"
address = "127.0.0.1"

[[stream]]
name = "market"
mode = "cached"

[[table]]
name = "trade"
stream = "market"
time = "time"
symbol = "sym"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int"]

[[node]]
name = "node1"
port = {1}
)",
                         directory, port);
  for (const auto* type : {"discovery", "rt", "rdb", "hdb", "gateway"})
    out += fmt::format("\n[[process]]\nname = \"{0}1\"\ntype = \"{0}\"\nnode = "
                       "\"node1\"\n",
                       type)
           + (std::string_view{type} == "rt" ? "streams = [\"market\"]\n" : "")
           + (std::string_view{type} == "rdb" || std::string_view{type} == "hdb"
                ? fmt::format("hdb = \"{}/hdb\"\n", directory)
                : "");
  return out;
}

/// From the start of a command to its end, so often: the median in ms.
result<double> ms_of(const std::vector<std::string>& command,
                     const std::string& log) {
  const auto median_of
    = median_us(shell_starts, [&] { return peer_server::run(command, log); });
  if (!median_of)
    return median_of.failure();
  return *median_of / 1'000;
}

} // namespace

result<outcome> query_shell(const measure_options& options) {
  const auto program
    = std::filesystem::read_symlink("/proc/self/exe").parent_path()
      / "millrace";
  auto peer = postgres_peer::start(options.directory + "/postgres");
  if (!peer)
    return peer.failure();
  const auto port = free_port();
  if (!port)
    return port.failure();
  const auto path = options.directory + "/cluster.toml";
  std::ofstream{path} << cluster_file(options.directory + "/data", *port);
  const auto log = options.directory + "/log";
  auto node = peer_server::start(
    {program.string(), "node", "--config", path, "--name", "node1"}, *port,
    log);
  if (!node)
    return node.failure();
  const std::vector<std::string> ours{program.string(),
                                      "query",
                                      "--config",
                                      path,
                                      "-o",
                                      "csv",
                                      "--strict",
                                      "--timeout",
                                      "30",
                                      "select from trade where sym=`nobody"};
  outcome what;
  what.name = "query_shell";
  what.unit = "ms";
  what.less_is_better = true;
  what.target = 10;
  contest all{std::move(what), options};
  all.add({.name = "psql and PostgreSQL"}, [&] {
    return ms_of({(*peer)->programs() + "/psql", "-X", "-h", "127.0.0.1", "-p",
                  std::to_string((*peer)->port()), "-U", "bench", "-c",
                  "select 1 where false", "postgres"},
                 log);
  });
  all.add({.name = "millrace version", .is = standing::row}, [&] {
    return ms_of({program.string(), "version"}, log);
  });
  return all.measure([&] { return ms_of(ours, log); });
}

result<outcome> result_stream(const measure_options& options) {
  const auto trades = options.scaled(stored_trades);
  auto together = start_with(options.directory + "/together", trades);
  if (!together)
    return together.failure();
  auto apart = start_apart(options.directory + "/apart", trades);
  if (!apart)
    return apart.failure();
  const auto read = [](asked_ticks& from) -> result<double> {
    const auto begin = now_ns();
    const auto bytes = read_all(from, question_of(all_rows));
    if (!bytes)
      return bytes.failure();
    return per_second(*bytes, begin);
  };
  outcome what;
  what.name = "result_stream";
  what.unit = "B/s";
  what.target = 1.3e9;
  contest all{std::move(what), options};
  all.add({.name = "gateway, stores and client in a process each",
           .is = standing::row},
          [&] { return read(*apart); });
  return all.measure([&] { return read(*together); });
}

result<outcome> ingest_beside_queries(const measure_options& options) {
  outcome what;
  what.name = "ingest_beside_queries";
  what.unit = "rows/s";
  what.mode = "cached";
  contest all{std::move(what), options, table_memory};
  uint64_t asked = 0;
  all.add({.name = "without questions", .target = 0.7, .is = standing::row},
          [&] { return ingest(options, false, asked); });
  auto out = all.measure([&] { return ingest(options, true, asked); });
  if (out)
    out->more.emplace_back("questions", static_cast<double>(asked));
  return out;
}

result<outcome> cancel_query(const measure_options& options) {
  auto ticks = start_with(options.directory + "/ticks", stored_trades);
  if (!ticks)
    return ticks.failure();
  outcome what;
  what.name = "cancel_query";
  what.unit = "ms";
  what.less_is_better = true;
  what.target = 50;
  contest all{std::move(what), options};
  return all.measure([&] { return cancel_once(*ticks); });
}

} // namespace millrace::bench
