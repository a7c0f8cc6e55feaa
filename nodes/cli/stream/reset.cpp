#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_reset_options& into) {
  list.text("STREAM", into.stream, "Name of the stream").required();
  list.flag("--soft", into.soft,
            "Keep the stream: each rt process takes a checkpoint, and the log "
            "of their group begins there; subscribers see nothing of it");
  list.flag("--hard", into.hard,
            "The stream goes on in its next session, which begins with a "
            "'reset' for all subscribers, and all before it goes; nothing is "
            "merged twice, for ids and inputs stay as they are");
  list.flag("--dry-run", into.dry_run,
            "Only say what --hard would remove, and which consumers would "
            "lose what");
  list.flag("--yes", into.yes, "Do it");
  list.flag("--force", into.force,
            "With --hard: also what a consumer may still need; without it the "
            "exit code is 1");
  list.number("--session", into.session, uint64_t{1},
              uint64_t{position::session_max},
              "With --hard: the session that is to begin, as --dry-run says; "
              "where it has begun nothing is done, and the exit code is 1: "
              "who heard nothing of a reset asks again so");
  declare_streams(list, into);
}

std::string reset_lines(const text::json_value& report, bool dry) {
  return fmt::format(
    "the stream {} in session {}\n{}", dry ? "would go on" : "goes on",
    report.at("session").natural().value_or(0), gone_lines(report, dry));
}

/// Who is not answered does not know whether it is carried out yet.
error not_heard(error why, const std::string& stream, uint64_t session) {
  if (why.code == errc::timeout)
    why.context += fmt::format(
      "; it was asked for, and may be carried out yet: 'millrace stream info "
      "{}' says where the stream ends, and with --session {} it is reset once, "
      "however often that is asked for",
      stream, session);
  return why;
}

int reset_hard(const stream_reset_options& options,
               const asked_cluster& cluster) {
  auto session = options.session;
  const auto ask = [&](bool dry) {
    return reset_stream(*cluster.host, cluster.config, options.stream, dry,
                        options.force, session_number{session});
  };
  if (!options.dry_run && session == 0) {
    const auto next = ask(true);
    if (!next)
      return fail_to_cut(next.failure());
    session = next->at("session").natural().value_or(0);
  }
  const auto report = ask(options.dry_run);
  if (!report)
    return fail_to_cut(not_heard(report.failure(), options.stream, session));
  print_text(options.output == output_format::json
               ? report->dump(2)
               : reset_lines(*report, options.dry_run));
  return exit_ok;
}

/// One that does not answer is no success: its log is as long as before.
int reset_soft(const stream_reset_options& options,
               const asked_cluster& cluster) {
  const auto told
    = snapshot_stream(*cluster.host, cluster.config, options.stream);
  if (!told)
    return fail(told.failure());
  auto rows = text::json_value::array();
  std::string lines;
  int code = exit_ok;
  for (const auto& [process, answer] : *told) {
    if (!answer) {
      code = fail(answer.failure());
      continue;
    }
    auto row = *answer;
    row.add("process", process);
    rows.add(row);
    lines += fmt::format("{}: checkpoint of entry {}, at {}\n", process,
                         answer->at("checkpoint").natural().value_or(0),
                         place_text(answer->at("end")));
  }
  if (options.output == output_format::json)
    print_text(rows.dump(2));
  else if (!lines.empty())
    print_text(lines);
  return code;
}

int reset(const stream_reset_options& options) {
  if (options.soft == options.hard) {
    (void)fail({errc::invalid_argument,
                "reset: say --soft, to keep the stream, or --hard, to let go "
                "of all that it holds"});
    return exit_usage;
  }
  if (options.soft
      && (options.dry_run || options.force || options.session != 0)) {
    (void)fail({errc::invalid_argument,
                "reset: --dry-run, --force and --session say something of "
                "--hard only, for --soft removes nothing of the stream"});
    return exit_usage;
  }
  if (options.hard && !options.dry_run && !options.yes) {
    (void)fail({errc::invalid_argument,
                "reset: say --yes to let go of all that stream '"
                  + options.stream + "' holds, or --dry-run to see what"});
    return exit_usage;
  }
  auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  return options.soft ? reset_soft(options, *cluster)
                      : reset_hard(options, *cluster);
}

} // namespace

const command<stream_reset_options> stream_reset_command{
  {"reset",
   "Begin the log of a stream's group anew (--soft), or the stream itself "
   "(--hard)",
   "millrace stream reset market --hard --dry-run --config "
   "examples/local.toml"},
  declare,
  reset};

} // namespace millrace::nodes
