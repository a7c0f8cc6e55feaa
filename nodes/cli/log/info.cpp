#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/log/item_printer.hpp>
#include <millrace/nodes/cli/log/log_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

json_value place_json(position at) {
  return {{"position", at.value}, {"text", to_string(at)}};
}

json_value scan_json(const log_file_info& info, const file_scan& scan) {
  json_value ids = json_value::object();
  for (const auto& [origin, range] : scan.tally.ids)
    ids[origin] = {{"first", range.first}, {"last", range.last}};
  return {{"file", log_file_name(info.session, info.roll)},
          {"bytes", info.size},
          {"archived", info.archived},
          {"records", scan.record_count},
          {"messages", scan.tally.message_count},
          {"valid_end", scan.valid_end.value},
          {"sealed", scan.seal.has_value()},
          {"session_end", scan.seal && scan.seal->session_end},
          {"closed", scan.closed && !scan.damaged},
          {"damaged", scan.damaged},
          {"reason", scan.reason},
          {"ids", ids}};
}

int show_info(const log_options& options) {
  auto& fs = posix_file_system();
  auto lineage = read_lineage(fs, options.directory);
  if (!lineage)
    return fail(lineage.failure());
  const auto synced = read_synced_end(fs, options.directory);
  auto files = list_log_files(fs, options.directory);
  if (!files)
    return fail(files.failure());
  json_value out{{"directory", options.directory},
                 {"lineage", to_string(*lineage)},
                 {"synced_end", synced ? place_json(*synced) : json_value()},
                 {"files", json_value::array()}};
  if (options.output == output_format::table) {
    print_line("lineage     " + to_string(*lineage));
    print_line("synced end  " + (synced ? to_string(*synced) : "unknown"));
  }
  uint64_t messages = 0;
  for (const auto& info : *files) {
    auto scan = scan_log_file(fs, options.directory, *lineage, info, synced);
    if (!scan)
      return fail(scan.failure());
    messages += scan->tally.message_count;
    if (options.output == output_format::json) {
      out["files"].add(scan_json(info, *scan));
      continue;
    }
    print_line(
      fmt::format("{:<20} {:>12} bytes, {} messages in {} records, {}{}",
                  log_file_name(info.session, info.roll), info.size,
                  scan->tally.message_count, scan->record_count,
                  !scan->seal               ? scan->closed ? "closed" : "open"
                  : scan->seal->session_end ? "sealed, end of session"
                                            : "sealed",
                  scan->damaged ? ", damaged: " + scan->reason : ""));
    for (const auto& [origin, range] : scan->tally.ids)
      print_line(
        fmt::format("  {}: ids {} to {}", origin, range.first, range.last));
  }
  out["messages"] = messages;
  print_line(options.output == output_format::json
               ? out.dump(2)
               : fmt::format("{} messages", messages));
  return exit_ok;
}

} // namespace

const command<log_options> log_info_command{
  {"info", "Show lineage, synced end, messages and ids of each file",
   "millrace log info -o json market"},
  declare_log,
  show_info};

} // namespace millrace::nodes
