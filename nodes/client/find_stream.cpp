#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/host/tcp_probe.hpp>

#include <vector>

namespace millrace::nodes {

namespace {

bool leads(runtime& host, const sequencer_actor& at,
           std::chrono::milliseconds deadline) {
  bool answer = false;
  guest self{host.system()};
  self->request(at, caf::timespan{deadline}, facts_atom_v)
    .receive([&](const stream_facts& facts) { answer = facts.leads; },
             [](const caf::error&) {}); // It is there, and that is all.
  return answer;
}

} // namespace

result<sequencer_actor> find_stream(runtime& host, const cluster_config& config,
                                    const std::string& stream,
                                    std::chrono::milliseconds deadline) {
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return nodes.failure();
  const auto share = deadline / nodes->size();
  result<sequencer_actor> found{error{errc::unavailable, stream}};
  for (const auto& at : *nodes) {
    auto handle = host.find_as<sequencer_actor>(at, share);
    if (handle && (nodes->size() == 1 || leads(host, *handle, share)))
      return handle;
    if (!found)
      found = std::move(handle);
  }
  return found;
}

bool stands_still(runtime& host, const cluster_config& config,
                  const std::string& stream) {
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return false;
  for (auto at : *nodes) {
    if (!listens_at(at.host, at.port))
      continue;
    at.name = front_door_name;
    const auto door
      = host.find_as<front_door_actor>(at, std::chrono::milliseconds{0});
    // One that refuses answers.
    if (!door && !is_refusal(door.failure().code))
      return true;
  }
  return false;
}

} // namespace millrace::nodes
