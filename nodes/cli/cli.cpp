#include <millrace/nodes/cli/bench.hpp>
#include <millrace/nodes/cli/chaos.hpp>
#include <millrace/nodes/cli/cli.hpp>
#include <millrace/nodes/cli/console.hpp>
#include <millrace/nodes/cli/demo.hpp>
#include <millrace/nodes/cli/down.hpp>
#include <millrace/nodes/cli/eop.hpp>
#include <millrace/nodes/cli/feed.hpp>
#include <millrace/nodes/cli/generate.hpp>
#include <millrace/nodes/cli/hdb/hdb.hpp>
#include <millrace/nodes/cli/layout.hpp>
#include <millrace/nodes/cli/load.hpp>
#include <millrace/nodes/cli/log/log.hpp>
#include <millrace/nodes/cli/logs.hpp>
#include <millrace/nodes/cli/node.hpp>
#include <millrace/nodes/cli/processes.hpp>
#include <millrace/nodes/cli/pub.hpp>
#include <millrace/nodes/cli/query.hpp>
#include <millrace/nodes/cli/rejects.hpp>
#include <millrace/nodes/cli/restart.hpp>
#include <millrace/nodes/cli/spawn.hpp>
#include <millrace/nodes/cli/status.hpp>
#include <millrace/nodes/cli/stop.hpp>
#include <millrace/nodes/cli/stream/consumers.hpp>
#include <millrace/nodes/cli/stream/stream.hpp>
#include <millrace/nodes/cli/sub.hpp>
#include <millrace/nodes/cli/table.hpp>
#include <millrace/nodes/cli/tables.hpp>
#include <millrace/nodes/cli/top.hpp>
#include <millrace/nodes/cli/up.hpp>
#include <millrace/nodes/cli/user.hpp>
#include <millrace/nodes/cli/version.hpp>

namespace millrace::nodes {

namespace {

/// The one list of commands, in the order of the help text. A command stands
/// here when what it starts exists.
void declare(command_list& list) {
  list.add(bench_command);
  list.add(chaos_command);
  list.add(console_command);
  list.add(demo_command);
  list.add(down_command);
  list.add(eop_command);
  list.add(feed_command);
  list.add(generate_commands);
  list.add(hdb_commands);
  list.add(layout_command);
  list.add(load_command);
  list.add(log_commands);
  list.add(logs_command);
  list.add(node_command);
  list.add(processes_command);
  list.add(pub_command);
  list.add(query_command);
  list.add(rejects_command);
  list.add(restart_command);
  list.add(spawn_command);
  list.add(status_command);
  list.add(stop_command);
  list.add(stream_commands);
  list.add(consumer_commands);
  list.add(sub_command);
  list.add(table_commands);
  list.add(tables_command);
  list.add(top_command);
  list.add(up_command);
  list.add(user_commands);
  list.add(version_command);
}

} // namespace

int run_cli(int argc, const char* const* argv) {
  const command_group program{
    {"millrace",
     "Millrace: durable ordered streams of market data, and a tick database "
     "that answers while it fills.",
     nullptr},
    declare};
  return run_program(program, argc, argv);
}

} // namespace millrace::nodes
