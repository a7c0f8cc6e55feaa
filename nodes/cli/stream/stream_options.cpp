#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/lines/parse_position.hpp>

namespace millrace::nodes {

void declare_streams(option_list& list, stream_options& into) {
  list
    .text("--config", into.config,
          "The cluster's configuration; default: $MILLRACE_CONFIG")
    .shown_as("FILE");
  declare_output(list, into.output);
}

void declare_to(option_list& list, position& into, const std::string& help) {
  list
    .read(
      "--to",
      [&into](const std::string& text) {
        const auto at = parse_position(text);
        if (!at)
          return at.failure();
        into = *at;
        return error{};
      },
      help)
    .required()
    .shown_as("POSITION");
}

} // namespace millrace::nodes
