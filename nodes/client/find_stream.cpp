#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/host/tcp_probe.hpp>
#include <millrace/nodes/node/start_hint.hpp>

#include <vector>

namespace millrace::nodes {

namespace {

bool leads(runtime& host, const stream_server_actor& at,
           std::chrono::milliseconds deadline) {
  const auto facts = ask<stream_facts>(host, at, deadline, facts_atom_v);
  return facts && facts->leads; // Else it is there, and that is all.
}

/// A fault, and why nobody orders the stream.
error with_order(runtime& host, const std::string& stream,
                 const std::vector<endpoint>& nodes, error fault) {
  if (const auto why = unordered_text(host, stream, nodes); !why.empty())
    fault.context += ": " + why;
  return fault;
}

/// What is there answers within it.
constexpr std::chrono::milliseconds member_deadline{300};

/// RT processes of a stream, as they answer now.
struct order_standing {
  std::vector<std::string> here;  ///< Names of those that answer.
  std::vector<std::string> still; ///< Whose node holds its port, and is silent.
  std::vector<endpoint> away;     ///< Of a node that is down, or stopped there.
  bool leads = false;
};

order_standing standing_of(runtime& host, const std::string& stream,
                           const std::vector<endpoint>& nodes) {
  order_standing out;
  const auto members = host.config().members_of(stream);
  const bool named = members.size() == nodes.size();
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto& at = nodes[i];
    const auto name
      = named ? members[i]->name : at.host + ":" + std::to_string(at.port);
    if (!listens_at(at.host, at.port)) {
      out.away.push_back(at);
      continue;
    }
    const auto rt = host.find_as<stream_server_actor>(at, member_deadline);
    const auto facts
      = rt ? ask<stream_facts>(host, *rt, member_deadline, facts_atom_v)
           : result<stream_facts>{rt.failure()};
    if (facts) {
      out.here.push_back(name);
      if (out.leads = facts->leads; out.leads)
        return out; // The others do not matter.
    } else if (rt || stands_still(host, {at})) {
      out.still.push_back(name);
    } else {
      out.away.push_back(at);
    }
  }
  return out;
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

std::string unordered_text(runtime& host, const std::string& stream,
                           const std::vector<endpoint>& nodes) {
  if (host.config().publisher_of(stream) != nullptr)
    return {};
  const auto now = standing_of(host, stream, nodes);
  if (now.leads)
    return {};
  const auto all = nodes.size();
  // Places that are named may be a part of them.
  const bool known = host.config().members_of(stream).size() == all;
  const auto needed = all / 2 + 1;
  std::string out = "nobody orders it: " + std::to_string(now.here.size())
                    + " of " + std::to_string(all) + " rt processes "
                    + (now.here.size() == 1 ? "answers" : "answer");
  if (!now.here.empty() && now.here.size() != all)
    out += " (" + text::listed(now.here) + ")";
  if (known && all > 1)
    out += now.here.size() < needed
             ? ", and " + std::to_string(needed) + " are needed"
             : ", and none leads yet";
  if (!now.still.empty())
    out += "; " + text::listed(now.still)
           + (now.still.size() == 1 ? " stands still" : " stand still");
  return out + start_hint(host.config(), now.away);
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
      return why ? with_order(host, stream, nodes, why) : rt.failure();
    // One that follows asks the one that leads, which may be in no list here.
    const auto facts = ask<stream_facts>(host, *rt, time.left(), leader_atom_v);
    if (!facts)
      return with_order(host, stream, nodes, why ? why : facts.failure());
    if (facts->leads)
      return stream_bounds{facts->first, facts->end};
    // Another one may know a later end.
    why = {errc::unavailable,
           "stream '" + stream + "': no RT node that orders it answers"};
    if (time.over())
      return with_order(host, stream, nodes, why);
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
