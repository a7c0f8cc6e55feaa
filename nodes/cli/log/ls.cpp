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

int list_files(const log_options& options) {
  auto files = list_log_files(posix_file_system(), options.directory);
  if (!files)
    return fail(files.failure());
  json_value out = json_value::array();
  if (options.output == output_format::table)
    print_line(fmt::format("{:<20} {:>12} {:<9} {}", "file", "bytes",
                           "archived", "begin"));
  for (const auto& info : *files) {
    const auto name = log_file_name(info.session, info.roll);
    const auto begin = position::of(info.session, info.roll, 0);
    if (options.output == output_format::json)
      out.add(json_value{{"file", name},
                         {"session", info.session},
                         {"roll", info.roll},
                         {"bytes", info.size},
                         {"archived", info.archived},
                         {"begin", begin.value}});
    else
      print_line(fmt::format("{:<20} {:>12} {:<9} {}", name, info.size,
                             info.archived ? "yes" : "no", begin.value));
  }
  if (options.output == output_format::json)
    print_line(out.dump(2));
  return exit_ok;
}

} // namespace

const command<log_options> log_ls_command{
  {"ls", "List the files", "millrace log ls market"}, declare_log, list_files};

} // namespace millrace::nodes
