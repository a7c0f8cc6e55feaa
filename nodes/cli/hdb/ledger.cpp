#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>

#include <fmt/format.h>

#include <cstdio>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

int list_entries(const hdb_options& options) {
  const auto manifest
    = read_hdb_manifest(posix_file_system(), options.directory);
  if (!manifest)
    return fail(manifest.failure());
  json_value entries = json_value::array();
  bool any = false;
  const bool as_json = options.output == output_format::json;
  for (const auto& entry : ledger_of(*manifest)) {
    if (!options.chooses(entry.table, entry.partition))
      continue;
    any = true;
    const auto at = text::time_text(entry.at_ns);
    if (as_json)
      entries.add(json_value{{"version", entry.version},
                             {"at", at},
                             {"table", entry.table},
                             {"partition", entry.partition},
                             {"rows", entry.rows},
                             {"text", entry.text}});
    else
      fmt::print("{} {} {} {}: {} rows: {}\n", entry.version, at, entry.table,
                 entry.partition, entry.rows, entry.text);
  }
  if (!as_json && !any)
    fmt::print("nothing was amended or dropped\n");
  if (as_json)
    fmt::print("{}\n", json_value{{"directory", options.directory},
                                  {"version", manifest->version},
                                  {"entries", std::move(entries)}}
                         .dump(2));
  return exit_ok;
}

} // namespace

const command<hdb_options> hdb_ledger_command{
  {"ledger", "List what was amended and dropped, when and why",
   "millrace hdb ledger examples/local-data/hdb"},
  hdb_options::declare,
  list_entries};

} // namespace millrace::nodes
