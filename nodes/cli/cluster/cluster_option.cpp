#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/persistence/disk/file_system.hpp>

namespace millrace::nodes {

void declare_config(option_list& list, std::string& path) {
  list
    .text("--config", path,
          "The cluster's configuration; default: $MILLRACE_CONFIG")
    .shown_as("FILE");
}

result<cluster_config> load_cluster(const std::string& path) {
  auto found = configuration_path(path);
  if (!found)
    return found.failure();
  return load_configuration(persistence::posix_file_system(), *found);
}

} // namespace millrace::nodes
