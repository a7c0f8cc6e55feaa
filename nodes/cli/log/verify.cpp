#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/log/item_printer.hpp>
#include <millrace/nodes/cli/log/log_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

int verify_log(const log_options& options) {
  const bool show
    = options.output == output_format::table && ::isatty(STDERR_FILENO) == 1;
  const std::function<void(uint64_t, uint64_t)> progress
    = [](uint64_t done, uint64_t all) {
        std::fprintf(
          stderr, "\r%3llu %%", // The cursor stays on the line.
          static_cast<unsigned long long>(all == 0 ? 100 : done * 100 / all));
      };
  auto report
    = verify_log(posix_file_system(), options.directory,
                 show ? progress : std::function<void(uint64_t, uint64_t)>{});
  if (show)
    std::fputs("\r      \r", stderr);
  if (!report)
    return fail(report.failure());
  if (options.output == output_format::json) {
    json_value out{
      {"directory", options.directory},
      {"lineage", to_string(report->lineage)},
      {"files", report->files.size()},
      {"messages", report->message_count},
      {"end",
       {{"position", report->end.value}, {"text", to_string(report->end)}}},
      {"ok", report->damages.empty()},
      {"damages", json_value::array()}};
    for (const auto& damage : report->damages)
      out["damages"].add(json_value{{"file", damage.file},
                                    {"offset", damage.offset},
                                    {"reason", damage.reason}});
    print_line(out.dump(2));
  } else {
    for (const auto& damage : report->damages)
      print_line(fmt::format("{}: damage at {}: {}", damage.file, damage.offset,
                             damage.reason));
    print_line(fmt::format(
      "{} files, {} messages, end {}: {}", report->files.size(),
      report->message_count, to_string(report->end),
      report->damages.empty()
        ? "intact"
        : fmt::format("{} damaged places", report->damages.size())));
  }
  return report->damages.empty() ? exit_ok : exit_negative;
}

} // namespace

const command<log_options> log_verify_command{
  {"verify", "Check every byte; exit 1 when something is damaged",
   "millrace log verify market && echo intact"},
  declare_log,
  verify_log};

} // namespace millrace::nodes
