#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/lines/parse_position.hpp>

namespace millrace::nodes {

void declare_streams(option_list& list, stream_options& into) {
  declare_config(list, into.config);
  declare_output(list, into.output);
}

result<cluster_config> load_stream(const std::string& path,
                                   const std::string& stream) {
  auto config = load_cluster(path);
  if (!config)
    return config;
  if (auto known = ordered_stream(*config, stream); !known)
    return known.failure();
  return config;
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
