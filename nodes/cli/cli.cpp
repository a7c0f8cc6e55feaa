#include <millrace/nodes/cli/bench_command.hpp>
#include <millrace/nodes/cli/cli.hpp>
#include <millrace/nodes/cli/demo_command.hpp>
#include <millrace/nodes/cli/down_command.hpp>
#include <millrace/nodes/cli/eop_command.hpp>
#include <millrace/nodes/cli/feed_command.hpp>
#include <millrace/nodes/cli/log_command.hpp>
#include <millrace/nodes/cli/node_command.hpp>
#include <millrace/nodes/cli/pub_command.hpp>
#include <millrace/nodes/cli/query_command.hpp>
#include <millrace/nodes/cli/spawn_command.hpp>
#include <millrace/nodes/cli/status_command.hpp>
#include <millrace/nodes/cli/sub_command.hpp>
#include <millrace/nodes/cli/up_command.hpp>
#include <millrace/nodes/cli/version_command.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>

namespace millrace::nodes {

namespace {

/// The one list of commands, in the order of the help text. A command stands
/// here when what it starts exists.
void add_commands(CLI::App& app, std::function<int()>& run) {
  add_bench_command(app, run);
  add_demo_command(app, run);
  add_down_command(app, run);
  add_eop_command(app, run);
  add_feed_command(app, run);
  add_log_command(app, run);
  add_node_command(app, run);
  add_pub_command(app, run);
  add_query_command(app, run);
  add_spawn_command(app, run);
  add_status_command(app, run, collect_status);
  add_sub_command(app, run);
  add_up_command(app, run);
  add_version_command(app, run);
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app{"Millrace: durable ordered streams of market data, and a tick "
               "database that answers while it fills.",
               "millrace"};
  app.require_subcommand(1);
  app.footer("`millrace COMMAND --help` shows the options of a command, with "
             "an example.");
  std::function<int()> run;
  add_commands(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& fault) {
    // Help is not a fault; every other one is a fault of usage.
    return app.exit(fault) == 0 ? exit_ok : exit_usage;
  }
  return run();
}

} // namespace

int run_cli(int argc, const char* const* argv) {
  try {
    const auto code = parse_and_run(argc, argv);
    // Output that was lost (a full disk, a closed pipe) is not a success.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      std::perror("millrace: standard output");
      return code == exit_ok ? static_cast<int>(exit_io) : code;
    }
    return code;
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "millrace: internal: %s\n", fault.what());
    return exit_internal;
  }
}

} // namespace millrace::nodes
