#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/local_actors.hpp>
#include <millrace/nodes/assembly/process_keeper.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// Its own name among the node's actors.
inline constexpr std::string_view front_door_name = "front-door";

/// State of the FRONT DOOR: hands out the node's actors by name, starts
/// processes on demand, and collects their status.
struct front_door_state {
  static constexpr const char* name = "front-door";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit front_door_state(front_door_actor::pointer owner) : self{owner} {}

  caf::result<caf::strong_actor_ptr> resolve(const std::string& what,
                                             const cluster_key& of) const;
  caf::result<std::string> spawn(const std::string& process);
  caf::result<std::string> stop(const std::string& process);
  caf::result<status_facts> status();

  front_door_actor::pointer self;
  cluster_key cluster; ///< Of the node.
  std::string data;    ///< Where that of the cluster lies.
  std::string node;
  std::shared_ptr<local_actors> locals;
  std::function<error(const std::string& process)> spawner;
  process_keeper_actor keeper;
  std::function<status_facts()> of_node; ///< What the node says of itself.
};

/// @param spawner starts a configured process. It may take as long as that
///   process's recovery; other questions to this node wait meanwhile.
/// @param keeper null: no process can be stopped
/// @param of_node what `status` tells of the node beside its processes, an
///   object; null: nothing
front_door_actor::behavior_type
front_door(front_door_actor::stateful_pointer<front_door_state> self,
           cluster_key cluster, std::string data, std::string node,
           std::shared_ptr<local_actors> locals,
           std::function<error(const std::string&)> spawner,
           process_keeper_actor keeper, std::function<status_facts()> of_node);

} // namespace millrace::nodes
