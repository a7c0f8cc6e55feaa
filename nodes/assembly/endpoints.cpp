#include <millrace/nodes/assembly/endpoints.hpp>

#include <algorithm>
#include <string>

namespace millrace::nodes {

result<endpoint> endpoint_of(const cluster_config& config,
                             std::string_view process) {
  const auto* found = config.process(process);
  const auto* node = found == nullptr ? nullptr : config.node(found->node);
  if (node == nullptr)
    return error{errc::not_found, config.path + ": no node starts a process '"
                                    + std::string{process} + "'"};
  return endpoint{config.address, node->port, std::string{process},
                  config.name};
}

result<endpoint> endpoint_of_stream(const cluster_config& config,
                                    std::string_view stream) {
  for (const auto& process : config.processes)
    if (process.type == process_type::rt
        && std::find(process.streams.begin(), process.streams.end(), stream)
             != process.streams.end()) {
      auto at = endpoint_of(config, process.name);
      if (!at)
        return at;
      at->name = "rt/" + std::string{stream};
      return at;
    }
  return error{errc::not_found, config.path + ": no rt process orders stream '"
                                  + std::string{stream} + "'"};
}

std::vector<endpoint> endpoints_of(const cluster_config& config,
                                   std::string_view type) {
  std::vector<endpoint> found;
  for (const auto& process : config.processes)
    if (process.type == type)
      if (auto at = endpoint_of(config, process.name))
        found.push_back(*at);
  return found;
}

} // namespace millrace::nodes
