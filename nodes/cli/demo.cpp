#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/console.hpp>
#include <millrace/nodes/cli/demo.hpp>
#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/client/feed_session.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/nodes/node/node.hpp>
#include <millrace/query/table/result_text.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto step_deadline = std::chrono::seconds{60};
constexpr uint32_t day_count = 3;
/// 2024-01-02 and the two days after it, as the generator names them.
constexpr int64_t first_day = 8'767;

/// The data's place: the user's, or a temporary one that goes with us.
class demo_directory {
public:
  demo_directory() = default;
  ~demo_directory() {
    std::error_code fault;
    if (temporary_)
      std::filesystem::remove_all(path_, fault);
    if (fault)
      std::fprintf(stderr, "millrace: %s: %s\n", path_.c_str(),
                   fault.message().c_str());
  }
  demo_directory(const demo_directory&) = delete;
  demo_directory& operator=(const demo_directory&) = delete;

  error open(const std::string& wanted) {
    std::error_code fault;
    if (wanted.empty()) {
      path_ = std::filesystem::temp_directory_path(fault).string()
              + "/millrace-demo.XXXXXX";
      if (fault || ::mkdtemp(path_.data()) == nullptr)
        return {errc::storage_failed,
                path_ + ": "
                  + (fault ? fault.message() : std::strerror(errno))};
      temporary_ = true;
      return {};
    }
    path_
      = std::filesystem::absolute(wanted, fault).lexically_normal().string();
    if (fault)
      return {errc::storage_failed, wanted + ": " + fault.message()};
    return persistence::posix_file_system().create_directories(path_);
  }

  [[nodiscard]] bool temporary() const noexcept { return temporary_; }
  [[nodiscard]] std::string config_path() const { return path_ + "/demo.toml"; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
  bool temporary_ = false;
};

/// Writes the demo's configuration where there is none.
result<cluster_config> configure(const demo_directory& directory,
                                 uint16_t port) {
  auto& files = persistence::posix_file_system();
  const auto path = directory.config_path();
  if (!files.exists(path)) {
    const auto text = demo_configuration_text(port);
    if (auto fault = persistence::replace_file(
          files, path, std::as_bytes(std::span{text.data(), text.size()})))
      return fault;
  }
  return load_configuration(files, path);
}

struct question {
  const char* title;
  std::string text;
};

std::vector<question> questions() {
  const auto all = R"({"tablename": "trade", "starttime": ")"
                   + text::date_text(first_day) + R"(", "endtime": ")"
                   + text::date_text(first_day + day_count - 1) + R"(", )";
  const auto last = text::date_text(first_day + day_count - 1);
  return {
    {"Trades by symbol, with the first and the last time: over hdb and rdb",
     all
       + R"("grouping": "sym", "aggregations": {"count": "price", )"
         R"("min": "time", "max": "time"}, )"
         R"("ordering": ["desc", "countPrice"], "sublist": 5})"},
    {"Volume-weighted price by symbol, over hdb and rdb",
     all
       + R"("grouping": "sym", "aggregations": {"wavg": ["size", "price"], )"
         R"("sum": "size"}, "ordering": ["desc", "sumSize"], "sublist": 5})"},
    {"5-minute bars of the last day's first half hour, from the rdb",
     R"({"tablename": "trade", "starttime": ")" + last
       + R"(T14:30:00", "endtime": ")" + last
       + R"(T14:59:59.999999999", "instruments": "AAA", )"
         R"("timebar": [5, "minute", "time"], "aggregations": )"
         R"({"first": "price", "max": "price", "min": "price", )"
         R"("last": "price", "sum": "size"}})"},
  };
}

/// The show: a node, its data, and what can be asked of it.
class demo {
public:
  explicit demo(const demo_options& options) : options_{options} {}

  error run() {
    if (auto fault = open())
      return fault;
    for (uint32_t day = 0; day < day_count; ++day)
      if (auto fault = feed(day))
        return fault;
    if (auto fault = ask())
      return fault;
    return stay();
  }

private:
  bool interrupted() const { return signals_.raised(); }

  error open() {
    if (auto fault = directory_.open(options_.directory))
      return fault;
    auto config = configure(directory_, options_.port);
    if (!config)
      return config.failure();
    config_ = *std::move(config);
    fmt::print("A cluster in one process; its data is in {}\n",
               directory_.path());
    logger log{stderr_sink(false), clock_, log_level::warning, host_name()};
    auto made = node::start(
      {.config = config_, .name = "demo", .log = log.as("node", "demo")});
    if (!made)
      return made.failure();
    node_ = *std::move(made);
    std::string names;
    for (const auto& process : config_.processes)
      names += " " + process.name;
    fmt::print("Running on {}:{}:{}\n", config_.address,
               config_.nodes.front().port, names);
    for (const auto& process : config_.processes)
      if (process.type == process_type::http)
        fmt::print("Console for a browser: {}\n",
                   console_address(config_, process));
    fmt::print("\n");
    flush_output();
    return {};
  }

  /// Feeds one day and, unless it is the last, ends its period.
  error feed(uint32_t day) {
    process_config process;
    process.name = "demo-feed";
    process.type = process_type::feed;
    process.generator.on = true;
    process.generator.trades_per_period = 50'000;
    process.generator.quotes_per_period = 150'000;
    process.generator.trade_table = "trade";
    process.generator.quote_table = "quote";
    // One market that goes on: each day resumes after the one before.
    process.generator.periods = day + 1;
    const auto begin = clock_.monotonic_ns();
    auto session = feed_session::start(config_, process, {});
    if (!session)
      return session.failure();
    if (auto fault
        = (*session)->wait({.interrupted = [this] { return interrupted(); }}))
      return fault;
    fmt::print("{}  {} rows published, ordered and stored in {:.2f} s; ",
               text::date_text(first_day + day),
               (*session)->progress().rows.load(),
               static_cast<double>(clock_.monotonic_ns() - begin) * 1e-9);
    if (day + 1 == day_count) {
      fmt::print("its period is open: the rdb holds it\n");
    } else {
      const auto ended = end_period(
        node_->actors(), config_, "market",
        {.period = period_id{first_day + day}, .deadline = step_deadline});
      if (!ended)
        return ended.failure();
      for (const auto& each : ended->written)
        if (each.fault)
          return each.fault;
      fmt::print("period ended: the hdb serves it\n");
    }
    flush_output();
    return (*session)->close();
  }

  error ask() {
    // Answers must include all that was fed.
    const auto end = stream_end(node_->actors(), config_, "market");
    if (!end)
      return end.failure();
    auto gateway = find_gateway(node_->actors(), config_, 5s);
    if (!gateway)
      return gateway.failure();
    for (const auto& each : questions()) {
      fmt::print("\n{}\n$ millrace query --config {} -l getdata \\\n  '{}'\n\n",
                 each.title, text::in_shell(directory_.config_path()),
                 each.text);
      auto parameters = *text::parse_json(each.text);
      parameters["at_least"] = end->value;
      auto answer = ask_gateway(node_->actors(), *gateway, parameters.dump(),
                                step_deadline);
      if (!answer)
        return answer.failure();
      fmt::print("{}",
                 query::to_text(answer->table, query::result_format::table));
      flush_output();
    }
    return {};
  }

  error stay() {
    const auto path = text::in_shell(directory_.config_path());
    if (options_.once) {
      if (!directory_.temporary())
        fmt::print("\nIt goes on with:\n"
                   "  millrace node --config {} --name demo\n",
                   path);
      return {};
    }
    fmt::print(
      "\nIt stays up until Ctrl-C{}. From another terminal:\n"
      "  export MILLRACE_CONFIG={}\n"
      "  millrace status\n"
      "  millrace eop --period {}    # the rdb's day moves to the hdb\n"
      "  millrace query -l getdata JSON -o json\n"
      "The parameters of a query: docs/getdata.md\n",
      directory_.temporary() ? ", then the data is removed" : "", path,
      text::date_text(first_day + day_count - 1));
    flush_output();
    return node_->wait([this] { return interrupted(); });
  }

  demo_options options_;
  interrupts signals_;
  system_clock clock_;
  // The node ends before its files do.
  demo_directory directory_;
  cluster_config config_;
  std::unique_ptr<node> node_;
};

void declare(option_list& list, demo_options& into) {
  list
    .text("--dir", into.directory,
          "Where data is kept; default: a new temporary directory")
    .shown_as("DIR");
  list.flag("--once", into.once,
            "End after the show instead of staying up for clients");
  // The configuration puts the console 80 ports above the node.
  list.number<uint16_t>(
    "--port", into.port, 1, 65'455,
    "Port on loopback; the console's is 80 more; default: 7400");
}

int run(const demo_options& options) {
  const auto fault = demo{options}.run();
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace

const command<demo_options> demo_command{
  {"demo", "Run a whole cluster in one process and show what it does",
   "millrace demo --dir demo --once"},
  declare,
  run};

} // namespace millrace::nodes
