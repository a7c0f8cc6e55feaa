#pragma once

#include <millrace/actors/rt/raft/raft_members.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::rt {

/// How the nodes of a stream become a group, once: who was there at the start
/// is its founding, the same on every member for good.
///
/// The first node of the configuration composes the founding, when it has heard
/// from every other one in its present life, and none of them has one. The
/// others take it over if it names them in their present life. A node that is
/// not named in it was wiped since, or is new: it waits for the group to take
/// it in. So a majority that forgot everything can never found a second group
/// beside those that did not. Pure; one owner.
class group_forming {
public:
  struct node {
    uint64_t id = 0;
    std::string name; ///< Of the rt process.
  };

  /// @param configured the nodes of the stream, as the configuration has them.
  /// @param self this node, in its present life.
  group_forming(std::vector<node> configured, const member_id& self);

  /// A node said who it is, and which founding it has; empty: none yet.
  void heard(const member_id& from, const raft_configuration& founding);

  /// The founding, as soon as it is clear that this node is one of it. To be
  /// made durable before anybody hears of it.
  [[nodiscard]] std::optional<raft_configuration> founding() const;
  /// A group was founded without this life of this node.
  [[nodiscard]] bool left_out() const noexcept { return left_out_; }
  /// The names of the nodes that must be heard from before that.
  [[nodiscard]] std::vector<std::string> waits_for() const;

private:
  std::vector<node> configured_;
  member_id self_;
  std::map<uint64_t, member_id> present_; ///< Without a founding, by node.
  std::optional<raft_configuration> told_;
  bool left_out_ = false;
};

/// Names a node in the group of a stream by its rt process, whatever its place
/// in the configuration.
[[nodiscard]] uint64_t node_number(std::string_view process);

/// Tells groups apart that were founded apart: a member listens to members of
/// its own founding only.
[[nodiscard]] uint64_t group_id_of(const raft_configuration& founding);

} // namespace millrace::rt
