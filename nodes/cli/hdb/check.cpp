#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/progress_line.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>
#include <millrace/persistence/hdb/table_rolls.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <set>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

struct check_report {
  uint64_t parts = 0;
  uint64_t files = 0;
  uint64_t bytes = 0;
  std::vector<hdb_damage> damages;
  /// Directories of parts that the manifest does not name.
  std::vector<std::string> unnamed;
  bool lacks_rolls = false; ///< No rules lie beside the manifest.
  /// Of each table with rows that do not lie in the partition of their date.
  /// It is no damage: questions find them by their times.
  std::map<std::string, std::string> strayed;
};

/// The rules beside the manifest, which are asked only while it cannot be read.
void check_rolls(const hdb_options& options, check_report& report) {
  const auto rolls = read_table_rolls(posix_file_system(), options.directory);
  report.lacks_rolls
    = !rolls && rolls.failure().code == errc::not_found && report.parts != 0;
  if (!rolls && rolls.failure().code != errc::not_found)
    report.damages.push_back(
      {options.directory + "/" + std::string{table_rolls_name},
       "it is damaged; the next commit makes it again"});
}

check_report check_parts(const hdb_options& options,
                         const hdb_manifest& manifest) {
  check_report out;
  system_clock clock;
  progress_line told{clock, "bytes"};
  uint64_t all = 0;
  for (const auto& part : manifest.parts)
    all += options.chooses(part) ? bytes_of(part) : 0;
  for (const auto& part : manifest.parts) {
    if (!options.chooses(part) || part.row_count == 0)
      continue;
    for (auto& damage :
         check_part(posix_file_system(), options.directory, part))
      out.damages.push_back(std::move(damage));
    ++out.parts;
    out.files += part.files.size();
    out.bytes += bytes_of(part);
    told.show(out.bytes, all);
  }
  return out;
}

void print_json(const hdb_options& options, const check_report& report,
                uint64_t version) {
  json_value out{
    {"directory", options.directory}, {"version", version},
    {"parts", report.parts},          {"files", report.files},
    {"bytes", report.bytes},          {"ok", report.damages.empty()}};
  auto& damages = out.add("damages", json_value::array());
  for (const auto& damage : report.damages)
    damages.add(json_value{{"file", damage.path}, {"reason", damage.reason}});
  out.add("lacks_rolls", report.lacks_rolls);
  out.add("strayed", report.strayed);
  auto& unnamed = out.add("unnamed", json_value::array());
  for (const auto& path : report.unnamed)
    unnamed.add(path);
  fmt::print("{}\n", out.dump(2));
}

int check_database(const hdb_options& options) {
  auto& fs = posix_file_system();
  const auto manifest = read_hdb_manifest(fs, options.directory);
  if (!manifest) {
    // That is what was asked.
    const auto code = fail(manifest.failure());
    return manifest.failure().code == errc::corrupt ? exit_negative : code;
  }
  if (auto fault = check_choice(options, *manifest))
    return fail(fault);
  auto report = check_parts(options, *manifest);
  check_rolls(options, report);
  auto unnamed = unnamed_parts(fs, options.directory, *manifest);
  if (!unnamed)
    return fail(unnamed.failure());
  report.unnamed = *std::move(unnamed);
  report.strayed = strayed_rows(options.directory, *manifest,
                                newest_tables(*manifest, options.table));
  if (options.output == output_format::json) {
    print_json(options, report, manifest->version);
  } else {
    for (const auto& damage : report.damages)
      fmt::print("{}: {}\n", damage.path, damage.reason);
    if (report.lacks_rolls)
      fmt::print(
        "{}/{}: there is none: an earlier release wrote the database, "
        "a copy left it out, or it was removed; the next commit makes it\n",
        options.directory, table_rolls_name);
    for (const auto& [table, what] : report.strayed)
      fmt::print("{}\n", what);
    for (const auto& path : report.unnamed)
      fmt::print("{}/{}: the manifest does not name it: of a write that is "
                 "under way, or of a newer manifest\n",
                 options.directory, path);
    fmt::print("version {}: {} parts, {} files, {} bytes: {}\n",
               manifest->version, report.parts, report.files, report.bytes,
               report.damages.empty()
                 ? "intact"
                 : fmt::format("{} damaged files; bring them back from a "
                               "replica or a backup",
                               report.damages.size()));
  }
  return report.damages.empty() ? exit_ok : exit_negative;
}

} // namespace

const command<hdb_options> hdb_check_command{
  {"check", "Check every byte; exit 1 when something is damaged",
   "millrace hdb check examples/local-data/hdb && echo intact"},
  hdb_options::declare,
  check_database};

} // namespace millrace::nodes
