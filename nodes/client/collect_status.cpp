#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/client/small_runtime.hpp>

namespace millrace::nodes {

namespace {
using namespace std::chrono_literals;

/// The process that orders a stream on a node, or publishes one that none
/// orders.
std::string rt_of(const cluster_config& config, const node_config& node,
                  const std::string& stream) {
  for (const auto* member : config.members_of(stream))
    if (member->node == node.name)
      return member->name;
  if (const auto* publisher = config.publisher_of(stream))
    return publisher->name;
  return node.name; // It was started on this node by hand.
}

} // namespace

result<text::json_value> collect_status(const cluster_config& config) {
  const auto host = small_runtime(config);
  if (!host)
    return host.failure();
  return collect_status(**host, config);
}

text::json_value collect_status(runtime& host, const cluster_config& config) {
  text::json_value out{{"processes", text::json_value::object()},
                       {"streams", text::json_value::object()},
                       {"strangers", text::json_value::object()},
                       {"refusals", text::json_value::object()},
                       {"answered", text::json_value::object()},
                       {"ports", text::json_value::object()},
                       {"hosts", text::json_value::object()}};
  for (const auto& node : config.nodes) {
    auto door = host.find_as<front_door_actor>(
      {config.address_of(node), node.port, std::string{front_door_name},
       config.name},
      0ms);
    if (!door) {
      if (door.failure().code == errc::config)
        out["strangers"].add(node.name, door.failure().context);
      if (door.failure().code == errc::permission)
        out["refusals"].add(node.name, door.failure().context);
      continue;
    }
    const auto said = ask<status_facts>(host, *door, 2s, status_atom_v);
    // It ended while we asked: as one that does not answer.
    if (!said || said->is_null())
      continue;
    out["answered"].add(node.name, true);
    out["ports"].add(node.name, said->at("port"));
    for (const auto& [name, facts] : said->at("processes").entries()) {
      if (const auto stream = stream_of_actor(name)) {
        auto& rows = out["streams"][std::string{*stream}];
        if (rows.is_null())
          rows = text::json_value::object();
        rows[rt_of(config, node, std::string{*stream})] = facts;
      } else {
        out["processes"][name] = facts;
        // Also by hand: `spawn` starts any process on any node.
        if (config.process(name) != nullptr)
          out["hosts"].add(name, node.name);
      }
    }
  }
  return out;
}

error why_not_told(const text::json_value& live) {
  for (const auto& [key, code] : {std::pair{"strangers", errc::config},
                                  std::pair{"refusals", errc::permission}}) {
    std::string said;
    for (const auto& [node, why] : live.at(key).entries())
      text::add_to_list(said, node + ": " + why.text_or_empty(), "; ");
    if (!said.empty())
      return {code, said};
  }
  return {};
}

} // namespace millrace::nodes
