#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/stream/member_change.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_replace_options& into) {
  declare_config(list, into.config);
  list.text("STREAM", into.stream, "Name of the [[stream]]").required();
  list.text("LEAVING", into.leaving, "The rt process that leaves").required();
  list.text("JOINING", into.joining, "The rt process that takes its place")
    .required();
  list.number("--timeout", into.timeout_s, uint64_t{1}, uint64_t{86'400},
              "Seconds until it must be done; default: 60");
  declare_output(list, into.output);
}

int replace(const stream_replace_options& options) {
  return change_members({options.config, options.stream, options.leaving,
                         options.joining, options.timeout_s, options.output});
}

} // namespace

const command<stream_replace_options> stream_replace_command{
  {"replace", "Let one rt process take the place of another in a stream",
   "millrace stream replace market rt3 rt4 --config examples/cluster.toml"},
  declare,
  replace};

} // namespace millrace::nodes
