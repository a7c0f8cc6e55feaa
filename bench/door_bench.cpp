#include <millrace/bench/door_bench.hpp>
#include <millrace/bench/door_clients.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/postgres_peer.hpp>
#include <millrace/bench/served_node.hpp>
#include <millrace/bench/tick_cluster.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <span>

namespace millrace::bench {

namespace {

constexpr uint64_t questions_per_run = 2'000;
constexpr uint64_t rows_of_answer = 1'000'000;
constexpr double rows_target = 5;

/// Of the node and its doors.
struct door_ports {
  uint16_t node;
  uint16_t http;
  uint16_t kdb;
  uint16_t postgres;
};

nodes::process_config door(const char* name, std::string_view type,
                           uint16_t port) {
  auto out = process_of(name, type, 0);
  out.port = port;
  out.memory_max_bytes = uint64_t{1} << 30;
  return out;
}

nodes::cluster_config door_cluster(const std::string& directory,
                                   const door_ports& at) {
  return tick_cluster(
    directory, {at.node},
    {door("web1", nodes::process_type::http, at.http),
     door("q1", nodes::process_type::kdb, at.kdb),
     door("sql1", nodes::process_type::postgres, at.postgres)});
}

/// The node, in a process beside this one, with its rows.
class served_doors {
public:
  /// @param each sees what is published
  static result<std::unique_ptr<served_doors>>
  start(const measure_options& options, uint64_t rows,
        const std::function<void(const feed::generated_batch&)>& each = {}) {
    std::filesystem::create_directories(options.directory);
    const auto ports = free_ports(4);
    if (!ports)
      return ports.failure();
    std::unique_ptr<served_doors> out{new served_doors};
    out->at_ = {(*ports)[0], (*ports)[1], (*ports)[2], (*ports)[3]};
    auto part
      = part_process::start({"door-node", options.directory,
                             fmt::format("{}", fmt::join(*ports, ","))});
    if (!part)
      return part.failure();
    out->part_ = *std::move(part);
    if (auto ready = out->part_->hear(); !ready)
      return ready.failure();
    const auto config = door_cluster(options.directory, out->at_);
    auto host = nodes::runtime::create(config);
    if (!host)
      return host.failure();
    if (auto fault = publish_trades(**host, rows, each))
      return fault;
    if (auto gateway = gateway_with(**host, config, rows); !gateway)
      return gateway.failure();
    return out;
  }

  [[nodiscard]] const door_ports& at() const noexcept { return at_; }

private:
  served_doors() = default;
  door_ports at_{};
  std::unique_ptr<part_process> part_;
};

/// Rows per second of one answer that must have so many.
result<double> rows_per_second(uint64_t rows,
                               const std::function<result<uint64_t>()>& ask) {
  const auto begin = now_ns();
  const auto got = ask();
  if (!got)
    return got.failure();
  // The protocols that do not count rows are known by their bytes: 20 of values
  // per row at least.
  if (*got != rows && *got < rows * 20)
    return error{errc::internal, "the answer is of " + std::to_string(*got)};
  return per_second(rows, begin);
}

constexpr auto nobody_in_q = "select count i from trade where sym=`nobody";
constexpr auto nobody_in_sql
  = "select count(*) from trade where sym = 'nobody'";
constexpr auto rows_in_q = "select time, sym, price, size from trade";
constexpr auto rows_in_sql
  = "copy (select time, sym, price, size from trade) to stdout (format "
    "binary)";

/// PostgreSQL with the table and its rows.
class filled_postgres {
public:
  /// @param rows as CSV, as feed::append_csv has them
  static result<std::unique_ptr<filled_postgres>>
  start(const std::string& directory, const std::string& rows) {
    auto server = postgres_peer::start(directory);
    if (!server)
      return server.failure();
    auto client = postgres_client::connect((*server)->port());
    if (!client)
      return client.failure();
    for (const auto* statement :
         {"create table trade (time timestamp, sym text, price float8, size "
          "int4, ex text, cond text)"})
      if (auto done = client->run(statement); !done)
        return done.failure();
    if (auto fault
        = client->copy_in("copy trade from stdin (format csv)", rows))
      return fault;
    // What it would do by itself in a while.
    if (auto done = client->run("vacuum (freeze, analyze) trade"); !done)
      return done.failure();
    return std::unique_ptr<filled_postgres>{
      new filled_postgres{*std::move(server), *std::move(client)}};
  }

  [[nodiscard]] postgres_client& client() noexcept { return client_; }

private:
  filled_postgres(std::unique_ptr<postgres_peer> server, postgres_client client)
    : server_{std::move(server)}, client_{std::move(client)} {}
  std::unique_ptr<postgres_peer> server_;
  postgres_client client_;
};

/// Gathers what is published as PostgreSQL takes it.
std::function<void(const feed::generated_batch&)> into_csv(std::string& rows) {
  return [&rows](const feed::generated_batch& each) {
    if (const auto batch = decode_batch(each.batch.bytes))
      feed::append_csv(*batch, rows);
  };
}

using row_asker = std::function<result<uint64_t>()>;

/// Measures one way to get the rows beside PostgreSQL's.
/// @param connect makes it, to the doors
result<outcome> measure_rows(
  const char* name, const measure_options& options,
  const std::function<result<row_asker>(const door_ports&)>& connect) {
  const auto rows = options.scaled(rows_of_answer);
  std::string csv;
  auto served = served_doors::start(options, rows, into_csv(csv));
  if (!served)
    return served.failure();
  auto peer = filled_postgres::start(options.directory + "/postgres", csv);
  if (!peer)
    return peer.failure();
  auto ask = connect((*served)->at());
  if (!ask)
    return ask.failure();
  outcome what;
  what.name = name;
  what.unit = "rows/s";
  contest all{std::move(what), options};
  all.add({.name = "PostgreSQL, COPY in binary", .target = rows_target}, [&] {
    return rows_per_second(rows, [&]() -> result<uint64_t> {
      const auto got = (*peer)->client().run(rows_in_sql);
      if (!got)
        return got.failure();
      return got->rows;
    });
  });
  return all.measure([&] { return rows_per_second(rows, *ask); });
}

} // namespace

result<outcome> door_empty_kdb(const measure_options& options) {
  auto served = served_doors::start(options, 1);
  if (!served)
    return served.failure();
  auto client = kdb_client::connect((*served)->at().kdb);
  if (!client)
    return client.failure();
  contest all{in_microseconds("door_empty_kdb", 250), options};
  return all.measure([&] {
    return median_us(options.scaled(questions_per_run),
                     [&] { return client->ask(nobody_in_q).failure(); });
  });
}

result<outcome> door_empty_http(const measure_options& options) {
  auto served = served_doors::start(options, 1);
  if (!served)
    return served.failure();
  auto client = http_client::connect((*served)->at().http);
  if (!client)
    return client.failure();
  contest all{in_microseconds("door_empty_http", 500), options};
  return all.measure([&] {
    return median_us(options.scaled(questions_per_run), [&] {
      return client->post("/query", nobody_in_q).failure();
    });
  });
}

result<outcome> door_empty_postgres(const measure_options& options) {
  std::string csv;
  auto served = served_doors::start(options, 1, into_csv(csv));
  if (!served)
    return served.failure();
  auto peer = filled_postgres::start(options.directory + "/postgres", csv);
  if (!peer)
    return peer.failure();
  auto client = postgres_client::connect((*served)->at().postgres);
  if (!client)
    return client.failure();
  for (auto* each : {&*client, &(*peer)->client()})
    if (auto fault = each->prepare(nobody_in_sql))
      return fault;
  const auto ask = [&](postgres_client& of) {
    return median_us(options.scaled(questions_per_run),
                     [&] { return of.run_prepared().failure(); });
  };
  contest all{in_microseconds("door_empty_postgres", 0), options};
  all.add({.name = "PostgreSQL, prepared", .target = 1.5},
          [&] { return ask((*peer)->client()); });
  return all.measure([&] { return ask(*client); });
}

result<outcome> door_rows_kdb(const measure_options& options) {
  return measure_rows(
    "door_rows_kdb", options, [](const door_ports& at) -> result<row_asker> {
      auto made = kdb_client::connect(at.kdb);
      if (!made)
        return made.failure();
      auto client = std::make_shared<kdb_client>(*std::move(made));
      return row_asker{[client] { return client->ask(rows_in_q); }};
    });
}

result<outcome> door_rows_arrow(const measure_options& options) {
  return measure_rows(
    "door_rows_arrow", options, [](const door_ports& at) -> result<row_asker> {
      auto made = http_client::connect(at.http);
      if (!made)
        return made.failure();
      auto client = std::make_shared<http_client>(*std::move(made));
      return row_asker{
        [client] { return client->post("/query?format=arrow", rows_in_q); }};
    });
}

result<outcome> door_rows_postgres(const measure_options& options) {
  return measure_rows("door_rows_postgres", options,
                      [](const door_ports& at) -> result<row_asker> {
                        auto made = postgres_client::connect(at.postgres);
                        if (!made)
                          return made.failure();
                        auto client
                          = std::make_shared<postgres_client>(*std::move(made));
                        return row_asker{[client]() -> result<uint64_t> {
                          const auto got = client->run(rows_in_sql);
                          if (!got)
                            return got.failure();
                          return got->rows;
                        }};
                      });
}

error door_node(const std::vector<std::string>& words) {
  const auto ports = ports_of(words.at(1));
  // The process that started this ends it.
  return serve_node(door_cluster(words[0], {ports.at(0), ports.at(1),
                                            ports.at(2), ports.at(3)}),
                    0, ports.at(0), [] { (void)await_line(); });
}

} // namespace millrace::bench
