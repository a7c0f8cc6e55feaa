#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/stream/member_change.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_remove_options& into) {
  declare_config(list, into.config);
  list.text("STREAM", into.stream, "Name of the [[stream]]").required();
  list.text("LEAVING", into.leaving, "The rt process that leaves").required();
  list.number("--timeout", into.timeout_s, uint64_t{1}, uint64_t{86'400},
              "Seconds until it must be done; default: 60");
  declare_output(list, into.output);
}

int remove_member(const stream_remove_options& options) {
  return change_members({options.config, options.stream, options.leaving, "",
                         options.timeout_s, options.output});
}

} // namespace

const command<stream_remove_options> stream_remove_command{
  {"remove", "Take an rt process out of the group that orders a stream",
   "millrace stop rt3 --config examples/cluster.toml\n"
   "  millrace stream remove market rt3 --config examples/cluster.toml"},
  declare,
  remove_member};

} // namespace millrace::nodes
