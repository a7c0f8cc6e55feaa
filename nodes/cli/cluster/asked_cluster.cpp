#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/client/small_runtime.hpp>

#include <utility>

namespace millrace::nodes {

result<asked_cluster> ask_cluster(const std::string& path) {
  auto config = load_cluster(path);
  if (!config)
    return config.failure();
  auto host = small_runtime(*config);
  if (!host)
    return host.failure();
  return asked_cluster{*std::move(config), *std::move(host)};
}

} // namespace millrace::nodes
