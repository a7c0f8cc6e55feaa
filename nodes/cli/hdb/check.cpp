#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/progress_line.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>

#include <fmt/format.h>

#include <cstdio>

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
};

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
  auto unnamed = unnamed_parts(fs, options.directory, *manifest);
  if (!unnamed)
    return fail(unnamed.failure());
  report.unnamed = *std::move(unnamed);
  if (options.output == output_format::json) {
    print_json(options, report, manifest->version);
  } else {
    for (const auto& damage : report.damages)
      fmt::print("{}: {}\n", damage.path, damage.reason);
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
