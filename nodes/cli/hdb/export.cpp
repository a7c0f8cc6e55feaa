#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/exchange/exporter.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

void declare_date(option_list& list, const std::string& name,
                  std::optional<int32_t>& into, const std::string& help) {
  list
    .read(
      name,
      [&into](const std::string& text) {
        const auto date = text::parse_date(text);
        if (!date)
          return date.failure();
        into = *date;
        return error{};
      },
      help)
    .shown_as("YYYY-MM-DD");
}

void declare(option_list& list, hdb_export_options& into) {
  declare_database(list, into.directory);
  list
    .text("--kdb", into.kdb,
          "Write a database that kdb+ reads, partitioned by date, to this new "
          "directory")
    .shown_as("TARGET");
  list
    .text("--parquet", into.parquet,
          "Write files of Parquet to this new directory, "
          "<table>/date=<date>/part-00000.parquet")
    .shown_as("TARGET");
  list
    .read(
      "-t,--table",
      [&into](const std::string& text) {
        into.tables.insert(text);
        return error{};
      },
      "Only this table")
    .shown_as("NAME");
  declare_date(list, "--from", into.from, "Only this date and later ones");
  declare_date(list, "--to", into.to, "Only this date and earlier ones");
  declare_output(list, into.output);
}

void draw_export(const export_progress& progress) {
  constexpr uint64_t width = 30;
  const auto all = std::max<uint64_t>(progress.rows_all, 1);
  const auto filled = std::min(progress.rows * width / all, width);
  fmt::print(stderr, "\r[{:<{}}] {:3}%  {} rows", std::string(filled, '#'),
             width, progress.rows * 100 / all, progress.rows);
  std::fflush(stderr);
}

void print_export(const hdb_export_options& options, const std::string& target,
                  const export_progress& progress) {
  if (options.output == output_format::json) {
    json_value out{{"directory", options.directory},
                   {"target", target},
                   {"rows", progress.rows},
                   {"files", progress.files},
                   {"bytes", progress.bytes}};
    auto& tables = out.add("tables", json_value::object());
    for (const auto& [table, rows] : progress.rows_of)
      tables.add(table,
                 json_value{{"rows", rows},
                            {"partitions", progress.partitions_of.at(table)}});
    fmt::print("{}\n", out.dump(2));
    return;
  }
  for (const auto& [table, rows] : progress.rows_of)
    fmt::print("{}: {} row{} of {} date{}\n", table, rows, rows == 1 ? "" : "s",
               progress.partitions_of.at(table),
               progress.partitions_of.at(table) == 1 ? "" : "s");
  fmt::print("{} rows, {} files and {} bytes in {}\n", progress.rows,
             progress.files, progress.bytes, target);
}

/// What is written goes by the names of partitions, and is read by them.
void tell_strayed(const hdb_export_options& options,
                  const hdb_manifest& manifest, const export_plan& plan) {
  auto tables = newest_tables(manifest, {});
  std::erase_if(tables,
                [&](const auto& each) { return !plan.contains(each.first); });
  for (const auto& [table, what] :
       strayed_rows(options.directory, manifest, tables))
    fmt::print(stderr,
               "{}; until then they are written under the date of the "
               "partition\n",
               what);
}

int run(const hdb_export_options& options) {
  if (options.kdb.empty() == options.parquet.empty())
    return fail({errc::invalid_argument,
                 "either --kdb or --parquet says what is written, and where"});
  auto& fs = posix_file_system();
  const auto store = hdb_store::open(fs, options.directory);
  if (!store)
    return fail(store.failure());
  const auto snapshot = (*store)->snapshot();
  const auto plan
    = plan_export(*snapshot, {options.tables, options.from, options.to});
  if (!plan)
    return fail(
      {plan.failure().code, options.directory + ": " + plan.failure().context});
  tell_strayed(options, snapshot->manifest(), *plan);
  const interrupts signals;
  export_progress progress;
  const bool draws = ::isatty(STDERR_FILENO) == 1;
  progress.step = [&] {
    if (draws)
      draw_export(progress);
    return signals.raised()
             ? error{errc::cancelled, "interrupted; nothing is left of it"}
             : error{};
  };
  const auto fault
    = options.parquet.empty()
        ? export_kdb(fs, options.kdb, snapshot, *plan, progress)
        : export_parquet(fs, options.parquet, snapshot, *plan, progress);
  if (draws)
    fmt::print(stderr, "\n");
  const auto target = options.kdb + options.parquet;
  if (progress.took_over)
    fmt::print(stderr,
               "{}.unfinished, which an export that was cut off had left, was "
               "removed\n",
               target);
  if (fault) {
    const auto code = fail(fault);
    return fault.code == errc::cancelled ? signals.exit_code() : code;
  }
  print_export(options, target, progress);
  return exit_ok;
}

} // namespace

const command<hdb_export_options> hdb_export_command{
  {"export", "Write tables as the files of other systems",
   "millrace hdb export examples/local-data/hdb --kdb examples/local-data/kdb"},
  declare,
  run};

} // namespace millrace::nodes
