#include <millrace/nodes/cli/log/log_options.hpp>

namespace millrace::nodes {

void declare_log(option_list& list, log_options& into) {
  list.text("DIRECTORY", into.directory, "The log directory")
    .required()
    .shown_as("");
  declare_output(list, into.output);
}

} // namespace millrace::nodes
