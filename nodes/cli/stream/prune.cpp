#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_prune_options& into) {
  list.text("STREAM", into.stream, "Name of the stream").required();
  declare_to(list, into.to,
             "Files that end at or before this position go, on all nodes");
  list.flag("--dry-run", into.dry_run,
            "Only say which files would go, and which consumers would lose "
            "what");
  list.flag("--yes", into.yes, "Do it");
  list.flag("--force", into.force,
            "Also what a consumer may still need: it loses that, and meets a "
            "pruned event; without it the exit code is 1");
  declare_streams(list, into);
}

int prune(const stream_prune_options& options) {
  if (!options.dry_run && !options.yes) {
    (void)fail({errc::invalid_argument,
                "prune: say --yes to remove files of stream '" + options.stream
                  + "' for good, or --dry-run to see which"});
    return exit_usage;
  }
  auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto report
    = prune_stream(*cluster->host, cluster->config, options.stream,
                   {options.to, options.dry_run, options.force});
  if (!report)
    return fail_to_cut(report.failure());
  print_text(options.output == output_format::json
               ? report->dump(2)
               : gone_lines(*report, options.dry_run));
  return exit_ok;
}

} // namespace

const command<stream_prune_options> stream_prune_command{
  {"prune", "Remove the oldest files of a stream, on all its nodes",
   "millrace stream prune market --to log.0.0@0 --dry-run --config "
   "examples/local.toml"},
  declare,
  prune};

} // namespace millrace::nodes
