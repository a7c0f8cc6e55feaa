#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/changed_by_hand.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/lacking.hpp>
#include <millrace/nodes/cli/command/progress_line.hpp>
#include <millrace/nodes/cli/feed_verdict.hpp>
#include <millrace/nodes/cli/load_rows.hpp>
#include <millrace/nodes/client/await_served.hpp>
#include <millrace/nodes/client/declared_tables.hpp>
#include <millrace/nodes/client/rows_in_rdbs.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
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

/// Texts of which no row was new: their rows are in the database.
std::vector<std::string>
known_of(const std::vector<feed::source_report>& reports) {
  std::vector<std::string> out;
  for (const auto& each : reports)
    if (each.resumed && each.rows == 0 && each.rejects == 0
        && each.passed_over == 0)
      out.push_back(each.source);
  return out;
}

uint64_t passed_over_in(const std::vector<feed::source_report>& reports) {
  uint64_t out = 0;
  for (const auto& each : reports)
    out += each.passed_over;
  return out;
}

error interrupted() {
  return {errc::cancelled, "interrupted; the same command goes on after the "
                           "rows that are written"};
}

error run_load(history_load& load, const feed::batch_source_counters& read,
               persistence::clock_source& clock, const interrupts& signals) {
  const bool draws = ::isatty(STDERR_FILENO) == 1;
  progress_line lines{clock, "bytes"};
  error fault;
  for (bool more = true; more && !fault;) {
    if (signals.raised()) {
      fault = interrupted();
      break;
    }
    auto step = load.step();
    fault = step.failure();
    if (fault.code == errc::timeout && signals.raised())
      fault = interrupted(); // It waited for bytes.
    more = step && *step;
    if (draws)
      draw_load(load, read);
    else
      lines.show(read.bytes, read.total_bytes);
  }
  if (draws)
    fmt::print(stderr, "\n");
  return fault;
}

/// Those of the dates that were loaded.
rows_in_rdbs look_beside(runtime& host, const cluster_config& config,
                         const history_load& load, const table_config& table) {
  const auto cutover = load.cutover(table.stream);
  if (!cutover) {
    rows_in_rdbs out;
    out.unasked.push_back(cutover.failure().context);
    return out;
  }
  const auto& loaded = load.partitions();
  return look_into_rdbs(
    host, config, table, *cutover, [](const std::string&) { return true; },
    [&](int64_t date) {
      return loaded.contains(persistence::date_partition_name(date));
    });
}

/// Rows of the table that rdbs hold: their dates have them, though the database
/// has not yet.
void expect_rows_in_rdbs(runtime& host, const cluster_config& config,
                         history_load& load, const table_config& table) {
  const auto cutover = load.cutover(table.stream);
  const auto there = look_into_rdbs(
    host, config, table, cutover ? *cutover : position{},
    [](const std::string&) { return true; }, [](int64_t) { return true; });
  // Replicas hold the same rows.
  std::map<std::string, rows_in_rdbs::of_date> most;
  for (const auto& each : there.rows)
    if (auto& known = most[each.partition]; known.rows < each.rows)
      known = each;
  for (const auto& [partition, each] : most)
    load.expect(partition, each.rows, "in " + each.rdb);
}

/// What there is beside the rows that were loaded.
struct surroundings {
  std::vector<std::string> served_by;
  rows_in_rdbs left;              ///< Of its dates.
  std::vector<std::string> lacks; ///< Done by hand before, and not there.
};

void print_end(const load_options& options, const std::string& table,
               const history_load& load,
               const std::vector<feed::source_report>& reports,
               uint64_t rejected, const std::string& reject_path,
               const surroundings& beside) {
  const auto& partitions = load.partitions();
  if (options.output == output_format::json) {
    json_value out{
      {"table", table},
      {"rows", load.rows()},
      {"replaced", load.rows_replaced()},
      {"partitions", std::vector(partitions.begin(), partitions.end())},
      {"directory", load.directory()},
      {"rows_before", load.rows_before()},
      {"rows_in_rdbs", json_of(beside.left)},
      {"served_by", beside.served_by},
      {"already_loaded", known_of(reports)},
      {"rejected", rejected},
      {"passed_over", passed_over_in(reports)},
      {"reject_file", reject_path}};
    add_lacks(out, beside.lacks);
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("{}: {} rows loaded into {} partitions of {}{}, {} rejected\n",
             table, load.rows(), partitions.size(), load.directory(),
             options.replace
               ? fmt::format(" in the place of {}", load.rows_replaced())
               : "",
             rejected);
  if (!partitions.empty())
    fmt::print("{}\n", text::some_of(partitions));
  if (!options.replace && load.rows_before() != 0)
    fmt::print("those dates had {} rows before, which stay\n",
               load.rows_before());
  if (load.rows() != 0)
    fmt::print("{}\n", served_text(beside.served_by));
  if (rejected != 0)
    fmt::print("rejected lines: {}\n", reject_path);
}

/// Whether what was loaded stands as it was asked for, where it is.
int judge_place(const load_options& options, const history_load& load,
                const surroundings& there) {
  // The end of a period that was marked while this held the database is written
  // right after it.
  using rows_by_partition = std::map<std::string, uint64_t>;
  const auto beside = options.replace
                        ? load.rows_beside()
                        : result<rows_by_partition>{rows_by_partition{}};
  if (!beside)
    return fail(beside.failure());
  for (const auto& [partition, rows] : *beside)
    fmt::print(stderr,
               "{} rows of {} came by the end of a period meanwhile: they are "
               "not replaced; the same command replaces them too\n",
               rows, partition);
  fmt::print(stderr, "{}", lacking_lines(there.lacks));
  if ((options.replace && !there.left.rows.empty()) || !beside->empty())
    return exit_negative;
  return exit_code_of(there.lacks);
}

} // namespace

int load_rows(const load_options& options, const cluster_config& config,
              real_env& env, history_load::options given,
              std::shared_ptr<feed::batch_source_counters> read,
              const interrupts& signals) {
  const auto rejects = given.reject_path;
  const auto table = given.what.table;
  auto host = small_runtime(config);
  if (!host)
    return fail(host.failure());
  if (const auto other
      = check_declared(**host, config, table, rows_go::into_history))
    return fail(other);
  given.stopped = [&signals] { return signals.raised(); };
  auto load = history_load::open(env.world(), config, std::move(given), read);
  if (!load && signals.raised()
      && (load.failure().code == errc::timeout
          || load.failure().code == errc::cancelled)) {
    fail(interrupted());
    return signals.exit_code();
  }
  if (!load)
    return fail_of_files(load.failure());
  if (!options.replace && !options.beside)
    expect_rows_in_rdbs(**host, config, **load, *config.table(table));
  const auto fault = run_load(**load, *read, *env.world().clock, signals);
  // Also when a run before wrote the rows: it may have died before it did this.
  result<std::vector<std::string>> served{std::vector<std::string>{}};
  surroundings beside;
  if ((*load)->version() != 0) {
    served = await_served(**host, config, (*load)->directory(),
                          manifest_version{(*load)->version()});
    if (!(*load)->partitions().empty())
      beside.left = look_beside(**host, config, **load, *config.table(table));
  }
  const auto forgotten
    = (*load)->version() == 0
        ? error{}
        : remember_by_hand(*env.world().fs, config, (*load)->directory())
            .failure();
  if (served)
    beside.served_by = *served;
  beside.lacks = gone_by_hand(*env.world().fs, config, (*load)->directory());
  const auto reports = read->reports();
  print_end(options, table, **load, reports, read->rejects.load(), rejects,
            beside);
  for (const auto& line :
       lines_of(beside.left,
                options.replace ? "are not replaced" : "stay beside these"))
    fmt::print(stderr, "{}\n", line);
  for (const auto& each : known_of(reports))
    fmt::print(stderr, "already loaded: {}\n", each);
  if (fault) {
    const auto code = fail_of_files(fault);
    return fault.code == errc::cancelled ? signals.exit_code() : code;
  }
  if (forgotten)
    return fail(forgotten);
  if (!served)
    return fail(served.failure());
  tell_lines(reports);
  if (const auto verdict = judge(reports, options.rejects_max))
    return fail(verdict);
  for (const auto& [partition, rows] : (*load)->stream_rows_replaced())
    fmt::print(stderr,
               "of the rows replaced, {} of {} had come by a stream; that "
               "no longer brings them\n",
               rows, partition);
  return judge_place(options, **load, beside);
}

} // namespace millrace::nodes
