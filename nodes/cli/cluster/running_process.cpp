#include <millrace/nodes/cli/cluster/running_process.hpp>

namespace millrace::nodes {

using namespace std::chrono_literals;

std::string node_of_running(runtime& host, const cluster_config& config,
                            const std::string& process) {
  for (const auto& node : config.nodes)
    if (host.find({config.address_of(node), node.port, process, config.name},
                  0ms))
      return node.name;
  return {};
}

} // namespace millrace::nodes
