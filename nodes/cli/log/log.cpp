#include <millrace/nodes/cli/log/log.hpp>
#include <millrace/nodes/cli/log/log_options.hpp>

namespace millrace::nodes {

namespace {

void declare(command_list& list) {
  list.add(log_ls_command);
  list.add(log_info_command);
  list.add(log_verify_command);
  list.add(log_dump_command);
  list.add(log_tail_command);
  list.add(log_explain_pos_command);
}

} // namespace

const command_group log_commands{{"log",
                                  "Look at a log directory, live or dead",
                                  "millrace log verify market"},
                                 declare};

} // namespace millrace::nodes
