#include <millrace/nodes/cli/stream/stream_options.hpp>

namespace millrace::nodes {

void declare_streams(option_list& list, stream_options& into) {
  list
    .text("--config", into.config,
          "The cluster's configuration; default: $MILLRACE_CONFIG")
    .shown_as("FILE");
  declare_output(list, into.output);
}

} // namespace millrace::nodes
