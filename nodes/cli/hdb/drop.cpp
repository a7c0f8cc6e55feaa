#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/lacking.hpp>
#include <millrace/nodes/cli/command/progress_line.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/cli/hdb/hdb_served.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <optional>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

void declare(option_list& list, hdb_drop_options& into) {
  hdb_options::declare(list, into.where);
  list
    .read(
      "--before",
      [&into](const std::string& text) {
        const auto date = text::parse_date(text);
        if (!date)
          return date.failure();
        into.before = *date;
        return error{};
      },
      "Only partitions of earlier dates")
    .shown_as("YYYY-MM-DD");
  list.text("--why", into.why, "Noted in the ledger").shown_as("TEXT");
  list.flag("--by-name", into.by_name,
            "Also partitions that have rows of other dates: they go by their "
            "names, whatever is in them");
  list.flag("--dry-run", into.dry, "Only say what would go");
  declare_server(list, into.config);
}

bool goes(const hdb_drop_options& options, const hdb_part& part) {
  if (part.row_count == 0 || !options.where.chooses(part))
    return false;
  if (!options.before)
    return true;
  const auto date = text::parse_date(part.partition);
  return date && *date < *options.before;
}

/// Of rows by their date, days since 2000.01.01.
bool goes(const hdb_drop_options& options, int64_t date) {
  const auto& partition = options.where.partition;
  return (partition.empty() || partition == date_partition_name(date))
         && (!options.before || date < *options.before);
}

/// Rows go with the partition that they lie in: those of a date must lie there.
error check_dates(const hdb_drop_options& options,
                  const std::optional<cluster_config>& cluster,
                  const hdb_manifest& manifest) {
  const auto& where = options.where;
  const auto is_meant = [&](int64_t date) { return goes(options, date); };
  for (auto& [table, today] : newest_tables(manifest, where.table)) {
    if (const auto rule = rule_of(cluster, where.directory, table)) {
      today.roll_zone = rule->zone;
      today.roll_offset_ns = rule->offset_ns;
    }
    if (auto fault = check_homes(where.directory, manifest, today, is_meant)) {
      fault.context += ", or --by-name lets all go that lies there";
      return fault;
    }
  }
  return {};
}

struct dropped_table {
  std::set<uint64_t> directories;
  std::map<std::string, uint64_t> partitions; ///< Rows of each.
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

/// By table.
std::map<std::string, dropped_table> choose(const hdb_drop_options& options,
                                            const hdb_manifest& manifest) {
  std::map<std::string, dropped_table> out;
  for (const auto& part : manifest.parts) {
    if (!goes(options, part))
      continue;
    auto& into = out[part.table];
    into.partitions[part.partition] += part.row_count;
    into.directories.insert(part.directory);
    into.rows += part.row_count;
    into.bytes += bytes_of(part);
  }
  return out;
}

std::string text_of(const hdb_drop_options& options, size_t parts) {
  auto out = "dropped " + std::to_string(parts) + " parts";
  if (!options.where.partition.empty())
    out += " of partition " + options.where.partition;
  if (options.before)
    out += " before " + text::date_text(*options.before, '-');
  if (!options.why.empty())
    out += ": " + options.why;
  return out;
}

error apply(hdb_writer& writer, const hdb_drop_options& options,
            const std::map<std::string, dropped_table>& chosen) {
  const auto now = writer.world().clock->now_ns();
  emptied_parts all;
  for (const auto& [table, what] : chosen) {
    all.directories.insert(what.directories.begin(), what.directories.end());
    const auto text = text_of(options, what.directories.size());
    for (const auto& [partition, rows] : what.partitions)
      all.entries.push_back({0, now, table, partition, rows, text});
  }
  return writer.drop(all);
}

void print_dropped(const hdb_drop_options& options,
                   const std::map<std::string, dropped_table>& chosen,
                   uint64_t version, const served_report& served) {
  if (options.where.output == output_format::json) {
    json_value out{{"directory", options.where.directory},
                   {"dry_run", options.dry},
                   {"version", version}};
    auto& tables = out.add("tables", json_value::object());
    for (const auto& [table, what] : chosen)
      tables.add(table, json_value{{"parts", what.directories.size()},
                                   {"rows", what.rows},
                                   {"bytes", what.bytes}});
    out.add("served_by", json_of(served));
    out.add("rows_in_rdbs", json_of(served.left));
    add_lacks(out, served.lacks);
    fmt::print("{}\n", out.dump(2));
    return;
  }
  for (const auto& [table, what] : chosen)
    fmt::print("{}{}: {} parts, {} rows, {} bytes {}\n",
               options.dry ? "would be: " : "", table, what.directories.size(),
               what.rows, what.bytes, options.dry ? "go" : "gone");
  if (chosen.empty())
    fmt::print("nothing of it is there\n");
  if (!options.dry && (!chosen.empty() || !served.lacks.empty()))
    fmt::print("{}", line_of(served));
}

int run(const hdb_drop_options& options) {
  if (options.where.table.empty() && options.where.partition.empty()
      && !options.before)
    return fail({errc::invalid_argument,
                 "--table, --partition or --before says what goes"});
  const auto cluster = server_of(options.config);
  if (!cluster)
    return fail(cluster.failure());
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!env)
    return fail(env.failure());
  auto& world = (*env)->world();
  const auto& directory = options.where.directory;
  if (const auto there = read_hdb_manifest(*world.fs, directory); !there)
    return fail(there.failure());
  auto writer = hdb_writer::open(world, directory);
  if (!writer)
    return fail(writer.failure());
  const meant_rows meant{.table = options.where.table,
                         .is_meant
                         = [&](int64_t date) { return goes(options, date); }};
  if (auto fault = check_choice(options.where, (*writer)->manifest())) {
    served_report nothing;
    nothing.left
      = rows_beside(*cluster, directory, (*writer)->manifest(), meant);
    nothing.tell_left("are not dropped");
    return fail(fault);
  }
  if (!options.by_name)
    if (auto fault = check_dates(options, *cluster, (*writer)->manifest()))
      return fail(fault);
  const auto chosen = choose(options, (*writer)->manifest());
  if (!options.dry)
    if (auto fault = apply(**writer, options, chosen))
      return fail(fault);
  const auto manifest = (*writer)->manifest();
  const auto version = manifest.version;
  // Their files go with the next writer.
  writer = error{errc::closed, ""};
  if (!options.dry) {
    progress_line told{*world.clock, "parts removed"};
    const auto next = hdb_writer::open(
      world, directory,
      {.removed = [&](size_t done, size_t all) { told.show(done, all); }});
    if (!next)
      return fail({next.failure().code,
                   "the rows are gone, their files go with the next write: "
                     + next.failure().context});
  }
  // Also when nothing is left to go: who dropped it may have died before this.
  served_report served;
  if (options.dry)
    served.left = rows_beside(*cluster, directory, manifest, meant);
  else
    served = wait_served(*cluster, directory, manifest, meant);
  print_dropped(options, chosen, version, served);
  if (served.late)
    return fail(served.late);
  served.tell_left(options.dry ? "would not be dropped" : "are not dropped");
  return served.exit_code();
}

} // namespace

const command<hdb_drop_options> hdb_drop_command{
  {"drop",
   "Let the rows and files of partitions go, and wait until none is served; "
   "exit 1 when an rdb holds rows of those dates, which come with the end of "
   "their period, or what was done by hand before is not there",
   "millrace hdb drop examples/local-data/hdb --before 2023-01-01"},
  declare,
  run};

} // namespace millrace::nodes
