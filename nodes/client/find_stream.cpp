#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/host/tcp_probe.hpp>

#include <vector>

namespace millrace::nodes {

namespace {

bool leads(runtime& host, const stream_server_actor& at,
           std::chrono::milliseconds deadline) {
  const auto facts = ask<stream_facts>(host, at, deadline, facts_atom_v);
  return facts && facts->leads; // Else it is there, and that is all.
}

} // namespace

result<stream_server_actor> find_stream(runtime& host,
                                        const cluster_config& config,
                                        const std::string& stream,
                                        std::chrono::milliseconds deadline) {
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return nodes.failure();
  return find_stream(host, stream, *nodes, deadline);
}

result<stream_server_actor> find_stream(runtime& host,
                                        const std::string& stream,
                                        const std::vector<endpoint>& nodes,
                                        std::chrono::milliseconds deadline) {
  const auto share = deadline / nodes.size();
  result<stream_server_actor> found{error{errc::unavailable, stream}};
  for (const auto& at : nodes) {
    auto handle = host.find_as<stream_server_actor>(at, share);
    if (handle && (nodes.size() == 1 || leads(host, *handle, share)))
      return handle;
    if (!found)
      found = std::move(handle);
  }
  return found;
}

result<position> stream_end(runtime& host, const cluster_config& config,
                            const std::string& stream) {
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return nodes.failure();
  return stream_end(host, stream, *nodes);
}

result<position> stream_end(runtime& host, const std::string& stream,
                            const std::vector<endpoint>& nodes) {
  const auto bounds = bounds_of_stream(host, stream, nodes);
  return bounds ? result<position>{bounds->end} : bounds.failure();
}

result<stream_bounds> bounds_of_stream(runtime& host, const std::string& stream,
                                       const std::vector<endpoint>& nodes) {
  const countdown time{*host.env().clock, std::chrono::seconds{5}};
  error why; // The last round may have had no time for its own.
  for (;;) {
    const auto rt = find_stream(host, stream, nodes, time.left());
    if (!rt)
      return why ? why : rt.failure();
    // One that follows asks the one that leads, which may be in no list here.
    const auto facts = ask<stream_facts>(host, *rt, time.left(), leader_atom_v);
    if (!facts)
      return why ? why : facts.failure();
    if (facts->leads)
      return stream_bounds{facts->first, facts->end};
    // Another one may know a later end.
    why = {errc::unavailable,
           "stream '" + stream + "': no RT node that orders it answers"};
    if (time.over())
      return why;
    guest{host.system()}.pause(std::chrono::milliseconds{50});
  }
}

error end_unknown(error fault) {
  return {is_refusal(fault.code) ? fault.code : errc::timeout,
          "all of it is merged; where the stream ends then is not known: "
            + fault.context};
}

bool stands_still(runtime& host, const std::vector<endpoint>& nodes) {
  for (auto at : nodes) {
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
