#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/places_option.hpp>

namespace millrace::nodes {

void declare_places(option_list& list, named_places& into) {
  list
    .read(
      "--rt",
      [&into](const std::string& text) {
        into.rt = split_places(text);
        return error{};
      },
      "Its RT nodes, in their order, wherever a configuration says they are; "
      "none is needed then. Default: those of the configuration, else "
      "$RT_TOPIC_PREFIX and the stream's name, -0, -1, ..")
    .shown_as("HOST:PORT,..");
  list
    .text("--cluster", into.cluster,
          "Name of their cluster; default: that of the configuration, else "
          "$MILLRACE_CLUSTER")
    .shown_as("NAME");
}

result<cluster_config> load_cluster_of_stream(const std::string& path,
                                              const named_places& at) {
  auto found = configuration_path(path);
  if (found)
    return load_cluster(*found);
  if (!at.rt.empty() || environment_names_places())
    return cluster_config{};
  auto fault = found.failure();
  fault.context += ", or name the RT nodes of the stream (--rt)";
  return fault;
}

} // namespace millrace::nodes
