#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_archive_options& into) {
  list.text("STREAM", into.stream, "Name of the stream").required();
  declare_to(
    list, into.to,
    "Files that end at or before this position are archived, as far as no "
    "consumer needs them");
  list.flag("--dry-run", into.dry_run,
            "Only say which files would go, and who holds the others");
  list.flag("--yes", into.yes, "Do it");
  declare_streams(list, into);
}

uint64_t held_files(const text::json_value& report) {
  return report.at("held_files").natural().value_or(0);
}

std::string archived_lines(const text::json_value& report, bool dry) {
  auto out = gone_lines(report, dry);
  if (const auto held = held_files(report); held != 0)
    out += fmt::format("{} files of {} bytes stay, for consumers\n{}", held,
                       report.at("held_bytes").natural().value_or(0),
                       consumer_lines(report.at("holders")));
  return out;
}

int archive(const stream_archive_options& options) {
  if (!options.dry_run && !options.yes) {
    (void)fail({errc::invalid_argument,
                "archive: say --yes to let files of stream '" + options.stream
                  + "' go for good, or --dry-run to see which"});
    return exit_usage;
  }
  auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto report
    = archive_stream(*cluster->host, cluster->config, options.stream,
                     options.to, options.dry_run);
  if (!report)
    return fail(report.failure());
  print_text(options.output == output_format::json
               ? report->dump(2)
               : archived_lines(*report, options.dry_run));
  return held_files(*report) == 0 ? exit_ok : exit_negative;
}

} // namespace

const command<stream_archive_options> stream_archive_command{
  {"archive",
   "Let the oldest files of a stream go now, as its retention would; exit code "
   "1 when a consumer holds some of them",
   "millrace stream archive market --to log.0.0@0 --dry-run --config "
   "examples/local.toml"},
  declare,
  archive};

} // namespace millrace::nodes
