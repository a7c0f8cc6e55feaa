#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <cstdio>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

int list_parts(const hdb_options& options) {
  const auto manifest
    = read_hdb_manifest(posix_file_system(), options.directory);
  if (!manifest)
    return fail(manifest.failure());
  if (auto fault = check_choice(options, *manifest))
    return fail(fault);
  json_value parts = json_value::array();
  const bool as_json = options.output == output_format::json;
  if (!as_json)
    fmt::print("{:<12} {:<16} {:>6} {:>12} {:>14} {:>20} {}\n", "partition",
               "table", "stripe", "rows", "bytes", "up to", "path");
  for (const auto& part : manifest->parts) {
    if (!options.chooses(part))
      continue;
    if (as_json)
      parts.add(json_value{{"partition", part.partition},
                           {"table", part.table},
                           {"stream", part.stream},
                           {"stripe", part.stripe},
                           {"stripes", part.stripe_count},
                           {"rows", part.row_count},
                           {"bytes", bytes_of(part)},
                           {"files", part.files.size()},
                           {"from", part.from.value},
                           {"to", part.to.value},
                           {"path", part.path()}});
    else
      fmt::print("{:<12} {:<16} {:>6} {:>12} {:>14} {:>20} {}\n",
                 part.partition, part.table, part.stripe, part.row_count,
                 bytes_of(part), part.to.value,
                 part.row_count == 0 ? "-" : part.path());
  }
  if (as_json)
    fmt::print("{}\n", json_value{{"directory", options.directory},
                                  {"version", manifest->version},
                                  {"parts", std::move(parts)}}
                         .dump(2));
  return exit_ok;
}

} // namespace

const command<hdb_options> hdb_ls_command{
  {"ls", "List the parts, a line per table and partition",
   "millrace hdb ls examples/local-data/hdb --table trade"},
  hdb_options::declare,
  list_parts};

} // namespace millrace::nodes
