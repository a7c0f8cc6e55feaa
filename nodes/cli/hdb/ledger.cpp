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

/// What a stream lost among rows that are written down, of every date: a loss
/// has places in its stream alone.
json_value losses_of(const hdb_manifest& manifest, const hdb_options& options) {
  auto out = json_value::array();
  for (const auto& loss : manifest.losses)
    if (options.table.empty() || loss.table.empty()
        || loss.table == options.table)
      out.add({{"stream", loss.stream},
               {"table", loss.table},
               {"from", to_string(loss.from)},
               {"to", to_string(loss.to)},
               {"count", loss.count},
               {"text", loss.text}});
  return out;
}

void print_losses(const json_value& losses) {
  for (const auto& each : losses.elements()) {
    const auto& table = each.at("table").text_or_empty();
    fmt::print("lost of stream {}, {}, {} to {}: {} times: {}\n",
               each.at("stream").text_or_empty(),
               table.empty() ? "any table" : table,
               each.at("from").text_or_empty(), each.at("to").text_or_empty(),
               each.at("count").dump(), each.at("text").text_or_empty());
  }
}

int list_entries(const hdb_options& options) {
  const auto manifest
    = read_hdb_manifest(posix_file_system(), options.directory);
  if (!manifest)
    return fail(manifest.failure());
  if (!options.table.empty()
      && manifest->newest_schema(options.table) == nullptr)
    return fail({errc::not_found,
                 options.directory + ": " + manifest->no_table(options.table)});
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
  auto losses = losses_of(*manifest, options);
  if (as_json) {
    fmt::print("{}\n", json_value{{"directory", options.directory},
                                  {"version", manifest->version},
                                  {"entries", std::move(entries)},
                                  {"losses", std::move(losses)}}
                         .dump(2));
    return exit_ok;
  }
  if (!any)
    fmt::print("nothing was amended or dropped\n");
  print_losses(losses);
  return exit_ok;
}

} // namespace

const command<hdb_options> hdb_ledger_command{
  {"ledger",
   "List what was amended and dropped, when and why, and what streams lost of "
   "what is written down",
   "millrace hdb ledger examples/local-data/hdb"},
  hdb_options::declare,
  list_entries};

} // namespace millrace::nodes
