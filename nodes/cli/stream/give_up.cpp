#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_give_up_options& into) {
  list.text("STREAM", into.stream, "Name of the stream").required();
  list.flag("--dry-run", into.dry_run, "Only say what would be lost");
  list.flag("--yes", into.yes, "Do it");
  declare_streams(list, into);
}

std::string range_lines(const text::json_value& ranges) {
  std::string out;
  for (const auto& each : ranges.elements())
    out
      += fmt::format("  input {}: {} to {}\n", each.at("input").text_or_empty(),
                     place_text(each.at("from")), place_text(each.at("to")));
  return out;
}

/// All sources are asked first: it is not known yet what to wait for.
bool is_too_early(const text::json_value& report) {
  return report.at("lost").elements().empty()
         && !report.at("asked").elements().empty();
}

std::string loss_lines(const text::json_value& report, bool dry) {
  std::string out;
  if (is_too_early(report))
    out = "nothing is waited for yet\n";
  else if (report.at("lost").elements().empty())
    out = "nothing is waited for\n";
  else
    out = (dry ? "would be taken for lost\n" : "is taken for lost\n")
          + range_lines(report.at("lost"));
  if (!report.at("asked").elements().empty())
    out += "other nodes and the publishers are asked for\n"
           + range_lines(report.at("asked"));
  return out;
}

int give_up(const stream_give_up_options& options) {
  if (!options.dry_run && !options.yes) {
    (void)fail({errc::invalid_argument,
                "give-up: say --yes to take for lost what stream '"
                  + options.stream
                  + "' waits for, or --dry-run to see what that is"});
    return exit_usage;
  }
  auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto report = give_up_waiting(*cluster->host, cluster->config,
                                      options.stream, options.dry_run);
  if (!report)
    return fail(report.failure());
  print_text(options.output == output_format::json
               ? report->dump(2)
               : loss_lines(*report, options.dry_run));
  return is_too_early(*report)
           ? fail({errc::timeout, "stream '" + options.stream
                                    + "': it is not known yet whether anybody "
                                      "has what it lacks; ask again in 10 s"})
           : static_cast<int>(exit_ok);
}

} // namespace

const command<stream_give_up_options> stream_give_up_command{
  {"give-up",
   "Wait no longer for what only a publisher or a node that is away may have; "
   "exit code 75 while others are still asked for it",
   "millrace stream give-up market --dry-run --config examples/local.toml"},
  declare,
  give_up};

} // namespace millrace::nodes
