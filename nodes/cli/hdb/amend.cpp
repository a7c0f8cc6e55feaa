#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/lacking.hpp>
#include <millrace/nodes/cli/command/progress_line.hpp>
#include <millrace/nodes/cli/hdb/amend_options.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/cli/hdb/hdb_served.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/hdb/hdb_amend.hpp>
#include <millrace/query/execution/row_choice.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

void declare(option_list& list, amend_options& into) {
  declare_database(list, into.directory);
  list.text("-t,--table", into.table, "Whose rows")
    .required()
    .shown_as("TABLE");
  list
    .text("--filters", into.filters,
          R"(Rows that are meant, as getdata has them: {"price":[">",1000]})")
    .shown_as("JSON");
  list.texts("--symbol", into.symbols, "Rows of these symbols")
    .shown_as("SYMBOL");
  list.text("--from", into.from, "Rows from this time on").shown_as("TIME");
  list.text("--to", into.to, "Rows up to this time, included").shown_as("TIME");
  list.flag("--remove", into.removes, "These rows go (busts)");
  list
    .text("--set", into.values,
          R"(These rows get values (corrections): {"price":168.1,"sym":"SPY"})")
    .shown_as("JSON");
  list.flag(
    "--home", into.home,
    "All rows that are not in the partition of their own date go there");
  list.text("--why", into.why, "Noted in the ledger").shown_as("TEXT");
  list.flag("--dry-run", into.dry, "Only say how many rows are meant");
  declare_server(list, into.config);
  declare_output(list, into.output);
}

void print_report(const amend_options& options, const amend_report& report,
                  uint64_t version, const served_report& served) {
  if (options.output == output_format::json) {
    json_value out{
      {"directory", options.directory}, {"table", options.table},
      {"dry_run", options.dry},         {"version", version},
      {"removed", report.rows_removed}, {"changed", report.rows_changed},
      {"moved", report.rows_moved},     {"ranges", report.ranges}};
    auto& partitions = out.add("partitions", json_value::array());
    for (const auto& each : report.partitions)
      partitions.add(each);
    out.add("served_by", json_of(served));
    out.add("rows_in_rdbs", json_of(served.left));
    add_lacks(out, served.lacks);
    fmt::print("{}\n", out.dump(2));
    return;
  }
  fmt::print("{}{} rows removed, {} changed, {} moved to the partition of "
             "their date; version {}\n",
             options.dry ? "would be: " : "", report.rows_removed,
             report.rows_changed, report.rows_moved, version);
  if (!report.partitions.empty())
    fmt::print("{}\n", text::some_of(report.partitions));
  if (!options.dry && (report.ranges != 0 || !served.lacks.empty()))
    fmt::print("{}", line_of(served));
}

/// One job after the other: a person waits, and the machine serves others.
error run_jobs(const std::vector<std::function<error()>>& jobs,
               progress_line& told) {
  size_t done = 0;
  for (const auto& job : jobs) {
    told.show(done++, jobs.size());
    if (auto fault = job())
      return fault;
  }
  told.end();
  return {};
}

int run(const amend_options& options) {
  if (auto fault = check(options))
    return fail(fault);
  const auto cluster = server_of(options.config);
  if (!cluster)
    return fail(cluster.failure());
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!env)
    return fail(env.failure());
  // Only what is there: an opened directory becomes a database.
  if (const auto there
      = read_hdb_manifest(*(*env)->world().fs, options.directory);
      !there)
    return fail(there.failure());
  auto writer = hdb_writer::open((*env)->world(), options.directory);
  if (!writer)
    return fail(writer.failure());
  auto what = read_amendment(options, (*writer)->manifest());
  if (!what)
    return fail(what.failure());
  auto choice = choice_of(options, (*writer)->manifest());
  if (!choice)
    return fail(choice.failure());
  what->rule = rule_of(*cluster, options.directory, options.table);
  progress_line told{*(*env)->world().clock, "ranges"};
  progress_line written{*(*env)->world().clock, "files written"};
  auto report = amend(
    **writer, *what,
    {.applies = !options.dry,
     .run = [&](const auto& jobs) { return run_jobs(jobs, written); },
     .progress = [&](size_t done, size_t all) { told.show(done, all); }});
  told.end();
  const auto manifest = (*writer)->manifest();
  const auto version = manifest.version;
  (*writer).reset(); // Others may write while this waits.
  // Also when no row is meant any more: who amended may have died before this.
  const meant_rows meant{.table = options.table,
                         // Those are homed when they are written down.
                         .is_meant = [&](int64_t) { return !options.home; },
                         .choice = *std::move(choice)};
  served_report served;
  if (options.dry)
    served.left = rows_beside(*cluster, options.directory, manifest, meant);
  else
    served = wait_served(*cluster, options.directory, manifest, meant);
  print_report(options, report, version, served);
  if (report.fault.code == errc::corrupt && !options.home)
    report.fault.context += "; --from and --to leave its date out";
  if (report.fault)
    return fail(report.fault);
  if (served.late)
    return fail(served.late);
  served.tell_left(options.dry ? "would not be amended" : "are not amended");
  if (const auto code = served.exit_code(); code != exit_ok)
    return code;
  if (!options.home && report.rows_removed + report.rows_changed == 0) {
    fmt::print(stderr, "millrace: no row of table '{}' is meant\n",
               options.table);
    return exit_negative;
  }
  return exit_ok;
}

} // namespace

const command<amend_options> hdb_amend_command{
  {"amend",
   "Correct, remove or move rows that were written down, and wait until they "
   "are served so; exit 1 when no row is meant, an rdb holds some that are, "
   "or what was done by hand before is not there",
   "millrace hdb amend examples/local-data/hdb --table trade --remove "
   "--filters '{\"price\":[\">\",472]}' --why bust"},
  declare,
  run};

} // namespace millrace::nodes
