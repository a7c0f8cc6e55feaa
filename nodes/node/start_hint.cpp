#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/nodes/host/tcp_probe.hpp>
#include <millrace/nodes/node/start_hint.hpp>

namespace millrace::nodes {

namespace {

/// Which process of the configuration is asked for there; empty: none.
std::string process_at(const cluster_config& config, const node_config& node,
                       const std::string& service) {
  if (const auto stream = stream_of_actor(service))
    for (const auto* member : config.members_of(*stream))
      if (member->node == node.name)
        return member->name;
  const auto* process = config.process(service);
  return process != nullptr && process->node == node.name ? service
                                                          : std::string{};
}

} // namespace

std::string start_hint(const cluster_config& config,
                       const std::vector<endpoint>& places) {
  std::string nodes;
  std::string out;
  for (const auto& node : config.nodes)
    for (const auto& at : places) {
      if (at.port != node.port || at.host != config.address_of(node))
        continue;
      const auto process = process_at(config, node, at.name);
      if (process.empty() || !listens_at(at.host, at.port)) {
        nodes += " " + node.name;
        break;
      }
      // `up` leaves alone what somebody stopped on a node that runs.
      out += "; `millrace spawn " + process + " --on " + node.name
             + "` starts it, if somebody stopped it";
    }
  if (!nodes.empty())
    out = "; `millrace up" + nodes + "` starts it" + out;
  return out.empty() || !config.spans_hosts() ? out : out + ", on its host";
}

} // namespace millrace::nodes
