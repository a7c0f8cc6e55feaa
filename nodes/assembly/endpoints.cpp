#include <millrace/messages/data/stream_actor_name.hpp>
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
  return endpoint{config.address_of(*node), node->port, std::string{process},
                  config.name};
}

result<std::vector<endpoint>> endpoints_of_stream(const cluster_config& config,
                                                  std::string_view stream) {
  std::vector<endpoint> out;
  auto serving = config.members_of(stream);
  if (const auto* publisher = config.publisher_of(stream))
    serving.push_back(publisher);
  for (const auto* process : serving) {
    auto at = endpoint_of(config, process->name);
    if (!at)
      return at.failure();
    at->name = stream_actor_name(stream);
    out.push_back(*std::move(at));
  }
  if (out.empty())
    return error{errc::not_found, config.path
                                    + ": no rt process orders stream '"
                                    + std::string{stream} + "'"};
  return out;
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
