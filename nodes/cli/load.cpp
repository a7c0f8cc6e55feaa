#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/history_load.hpp>
#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/feed_verdict.hpp>
#include <millrace/nodes/cli/interrupts.hpp>
#include <millrace/nodes/cli/load.hpp>
#include <millrace/nodes/client/await_served.hpp>
#include <millrace/nodes/client/known_rdbs.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using text::json_value;

void draw_load(const history_load& load,
               const feed::batch_source_counters& read) {
  const auto done = read.bytes.load();
  const auto all = std::max<uint64_t>(read.total_bytes.load(), 1);
  constexpr uint64_t width = 30;
  const auto filled = std::min(done * width / all, width);
  fmt::print(stderr, "\r[{:<{}}] {:3}%  {} rows", std::string(filled, '#'),
             width, done * 100 / all, load.rows());
  std::fflush(stderr);
}

void declare(option_list& list, load_options& into) {
  declare_config(list, into.config);
  list
    .text("--layout", into.layout,
          "How lines are read: a preset, a name of [feed.layouts], or a layout "
          "file")
    .required()
    .shown_as("LAYOUT");
  list.text("--table", into.table, "Where the rows go")
    .required()
    .shown_as("TABLE");
  list
    .read(
      "--date",
      [&into](const std::string& text) {
        const auto days = text::parse_date(text);
        if (!days)
          return days.failure();
        into.date = *days;
        return error{};
      },
      "Day of files that carry times only")
    .shown_as("YYYY-MM-DD");
  list.text("--symbol", into.symbol, "Symbol of files that carry none")
    .shown_as("SYMBOL");
  list.flag("--replace", into.replace,
            "The rows take the place of all rows of their dates");
  list
    .text("--reject", into.reject,
          "Where lines go that cannot be read; default: load-TABLE.rejects.txt "
          "in the cluster's data")
    .shown_as("FILE");
  list
    .number("--max-rejects", into.rejects_max,
            "Lines of one file that may give no row; above it the exit code is "
            "65 (default 0)")
    .shown_as("N");
  declare_output(list, into.output);
  list.texts("FILE", into.files, "Plain, gzip, bzip2, xz, Zstandard or zip")
    .required();
}

bool any_resumed(const feed::batch_source_counters& read) {
  const auto reports = read.reports();
  return std::any_of(reports.begin(), reports.end(),
                     [](const auto& each) { return each.resumed; });
}

error run_load(history_load& load, const feed::batch_source_counters& read,
               const interrupts& signals) {
  const bool draws = ::isatty(STDERR_FILENO) == 1;
  error fault;
  for (bool more = true; more && !fault;) {
    if (signals.raised()) {
      fault = {errc::cancelled, "interrupted; the same command goes on after "
                                "the rows that are written"};
      break;
    }
    auto step = load.step();
    fault = step.failure();
    more = step && *step;
    if (draws)
      draw_load(load, read);
  }
  if (draws)
    fmt::print(stderr, "\n");
  return fault;
}

history_load::options given_of(const load_options& options,
                               const cluster_config& config) {
  history_load::options given;
  given.what.name = "load-" + options.table;
  given.what.type = process_type::feed;
  given.what.layout = options.layout;
  given.what.table = options.table;
  given.what.symbol = options.symbol;
  given.what.files = options.files;
  given.what.date = options.date;
  given.replaces = options.replace;
  given.reject_path
    = options.reject.empty()
        ? config.data_directory + "/load-" + options.table + ".rejects.txt"
        : options.reject;
  return given;
}

/// Rows of the dates that were loaded which came by the stream, and are in no
/// partition yet.
struct rows_in_rdbs {
  struct of_date {
    std::string rdb;
    std::string partition;
    uint64_t rows = 0;
  };
  std::vector<of_date> rows;
  std::vector<std::string> unasked; ///< And why.
};

rows_in_rdbs look_into_rdbs(runtime& host, const cluster_config& config,
                            const history_load& load,
                            const table_config& table) {
  rows_in_rdbs out;
  const auto cutover = load.cutover(table.stream);
  for (const auto& rdb : rdbs_of(host, config, table.stream)) {
    result<std::map<int64_t, uint64_t>> dates{error{}};
    const auto there = find_rdb(host, config, rdb, std::chrono::seconds{1});
    if (!there)
      dates = there.failure();
    else if (!cutover)
      dates = cutover.failure();
    else
      dates = dates_in_rdb(host, *there, table.schema, *cutover);
    if (!dates && dates.failure().code == errc::not_found)
      continue; // It holds other tables, or was never started.
    if (!dates) {
      out.unasked.push_back(rdb.name + ": " + dates.failure().context);
      continue;
    }
    for (const auto& partition : load.partitions())
      if (const auto date = text::parse_date(partition))
        if (const auto found = dates->find(*date); found != dates->end())
          out.rows.push_back({rdb.name, partition, found->second});
  }
  return out;
}

/// They stay, and come to these dates with the end of their period.
void tell(const rows_in_rdbs& left, bool replaces) {
  for (const auto& each : left.unasked)
    fmt::print(
      stderr,
      "whether an rdb holds rows of these dates is not known, and they "
      "stay: {}\n",
      each);
  for (const auto& each : left.rows)
    fmt::print(stderr,
               "{} holds {} rows of {} that the stream brought: they {}, and "
               "come to it with the end of their period\n",
               each.rdb, each.rows, each.partition,
               replaces ? "are not replaced" : "stay beside these");
}

json_value json_of(const rows_in_rdbs& left) {
  auto out = json_value::array();
  for (const auto& each : left.rows)
    out.add(json_value{
      {"rdb", each.rdb}, {"partition", each.partition}, {"rows", each.rows}});
  return out;
}

void print_end(const load_options& options, const history_load& load,
               uint64_t rejected, const std::string& reject_path,
               const std::vector<std::string>& served_by,
               const rows_in_rdbs& left) {
  const auto& partitions = load.partitions();
  if (options.output == output_format::json) {
    fmt::print("{}\n", json_value{{"rows", load.rows()},
                                  {"replaced", load.rows_replaced()},
                                  {"partitions", std::vector(partitions.begin(),
                                                             partitions.end())},
                                  {"directory", load.directory()},
                                  {"rows_before", load.rows_before()},
                                  {"rows_in_rdbs", json_of(left)},
                                  {"served_by", served_by},
                                  {"rejected", rejected},
                                  {"reject_file", reject_path}}
                         .dump());
    return;
  }
  fmt::print("{} rows loaded into {} partitions of {}{}, {} rejected\n",
             load.rows(), partitions.size(), load.directory(),
             options.replace
               ? fmt::format(" in the place of {}", load.rows_replaced())
               : "",
             rejected);
  if (!partitions.empty())
    fmt::print("{}\n", fmt::join(partitions, " "));
  if (!options.replace && load.rows_before() != 0)
    fmt::print("those dates had {} rows before, which stay\n",
               load.rows_before());
  if (load.version() != 0)
    fmt::print("{}\n", served_text(served_by));
  if (rejected != 0)
    fmt::print("rejected lines: {}\n", reject_path);
}

int run(const load_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto env = real_env::create({.io_threads = 1, .pool_threads = 2});
  if (!env)
    return fail(env.failure());
  auto given = given_of(options, *config);
  // It may be the first that touches the cluster's data.
  if (auto fault
      = (*env)->world().fs->create_directories(config->data_directory))
    return fail(fault);
  auto read = std::make_shared<feed::batch_source_counters>();
  const auto rejects = given.reject_path;
  auto load
    = history_load::open((*env)->world(), *config, std::move(given), read);
  if (!load)
    return fail(load.failure());
  const interrupts signals;
  const auto fault = run_load(**load, *read, signals);
  result<std::vector<std::string>> served{std::vector<std::string>{}};
  rows_in_rdbs left;
  if ((*load)->version() != 0) {
    auto host
      = runtime::create(*config, {.env = {.io_threads = 1, .pool_threads = 1}});
    if (host) {
      served = await_served(**host, *config, (*load)->directory(),
                            (*load)->version());
      left = look_into_rdbs(**host, *config, **load,
                            *config->table(options.table));
    } else {
      served = host.failure();
    }
  }
  print_end(options, **load, read->rejects.load(), rejects,
            served ? *served : std::vector<std::string>{}, left);
  tell(left, options.replace);
  if (fault) {
    const auto code = fail(fault);
    return fault.code == errc::cancelled ? signals.exit_code() : code;
  }
  if (!served)
    return fail(served.failure());
  tell_open_lines(read->reports());
  if (const auto verdict = judge(read->reports(), options.rejects_max))
    return fail(verdict);
  for (const auto& [partition, rows] : (*load)->stream_rows_replaced())
    fmt::print(stderr,
               "of the rows replaced, {} of {} had come by a stream; that "
               "brings them no more\n",
               rows, partition);
  if (options.replace && !left.rows.empty())
    return exit_negative;
  if ((*load)->rows() == 0 && any_resumed(*read))
    fmt::print(stderr, "already loaded: {}\n", fmt::join(options.files, ", "));
  return exit_ok;
}

} // namespace

const command<load_options> load_command{
  {"load", "Write files of past days into their partitions",
   "millrace load --layout csv-trade --table trade --config "
   "examples/local.toml examples/trades.csv"},
  declare,
  run};

} // namespace millrace::nodes
