#include <millrace/nodes/cli/stream/stream.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>

namespace millrace::nodes {

namespace {

void declare(command_list& list) {
  list.add(stream_ls_command);
  list.add(stream_info_command);
  list.add(stream_create_command);
  list.add(stream_prune_command);
  list.add(stream_archive_command);
  list.add(stream_reset_command);
  list.add(stream_losses_command);
  list.add(stream_give_up_command);
  list.add(stream_members_command);
  list.add(stream_replace_command);
  list.add(stream_remove_command);
  list.add(stream_recover_command);
  list.add(stream_explain_pos_command);
}

} // namespace

const command_group stream_commands{
  {"stream",
   "Look after streams, their files and the rt processes that order them",
   "millrace stream ls"},
  declare};

} // namespace millrace::nodes
