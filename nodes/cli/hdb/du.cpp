#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

struct usage {
  uint64_t parts = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

int tell_usage(const hdb_options& options) {
  const auto manifest
    = read_hdb_manifest(posix_file_system(), options.directory);
  if (!manifest)
    return fail(manifest.failure());
  if (auto fault = check_choice(options, *manifest))
    return fail(fault);
  std::map<std::string, usage> tables;
  usage all;
  for (const auto& part : manifest->parts) {
    if (!options.chooses(part))
      continue;
    for (auto* into : {&tables[part.table], &all}) {
      ++into->parts;
      into->rows += part.row_count;
      into->bytes += bytes_of(part);
    }
  }
  if (options.output == output_format::json) {
    json_value out{{"directory", options.directory},
                   {"parts", all.parts},
                   {"rows", all.rows},
                   {"bytes", all.bytes}};
    auto& by_table = out.add("tables", json_value::object());
    for (const auto& [name, one] : tables)
      by_table.add(name, json_value{{"parts", one.parts},
                                    {"rows", one.rows},
                                    {"bytes", one.bytes}});
    fmt::print("{}\n", out.dump(2));
    return exit_ok;
  }
  fmt::print("{:<20} {:>8} {:>14} {:>16}\n", "table", "parts", "rows", "bytes");
  for (const auto& [name, one] : tables)
    fmt::print("{:<20} {:>8} {:>14} {:>16}\n", name, one.parts, one.rows,
               one.bytes);
  fmt::print("{:<20} {:>8} {:>14} {:>16}\n", "all", all.parts, all.rows,
             all.bytes);
  return exit_ok;
}

} // namespace

const command<hdb_options> hdb_du_command{
  {"du", "Say how many rows and bytes each table has",
   "millrace hdb du examples/local-data/hdb"},
  hdb_options::declare,
  tell_usage};

} // namespace millrace::nodes
