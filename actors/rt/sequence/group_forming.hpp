#pragma once

#include <millrace/actors/rt/raft/raft_members.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::rt {

/// How the nodes of a stream become a group, once: who was there at the start
/// is its founding, the same on every member for good.
///
/// The first node of the configuration composes the founding, when it has heard
/// from every other one in its present life, and none of them has one, or may
/// have forgotten one. The others take it over, also if it does not name them
/// in their present life: then they were wiped since, or are new, and the group
/// takes them in. So a majority that forgot everything can never found a second
/// group beside those that did not. What is left of a founding to one that
/// forgot, those take over whom it names in their present life: they had none
/// yet, and so never said anything in it. Pure; one owner.
class group_forming {
public:
  struct node {
    node_id id;
    std::string name; ///< Of the rt process.
  };

  /// @param configured the nodes of the stream, as the configuration has them.
  /// @param self this node, in its present life.
  /// @param forgot an earlier life of it was a member of a group, and may have
  ///   said what is lost.
  group_forming(std::vector<node> configured, const member_id& self,
                bool forgot);

  /// A node said who it is, and which founding it has, or had if it forgot;
  /// empty: none.
  void heard(const member_id& from, const group_founding& founding,
             bool forgot);

  /// The founding that this node is to have. To be made durable before anybody
  /// hears of it.
  [[nodiscard]] std::optional<group_founding> founding() const;
  /// The names of the nodes that must be heard from before that.
  [[nodiscard]] std::vector<std::string> waits_for() const;
  /// The names of those that were members once, and are none now: while there
  /// are any, no group is founded. If no group is left, `stream recover` makes
  /// one.
  [[nodiscard]] std::vector<std::string> forgetful() const;

private:
  std::vector<node> configured_;
  member_id self_;
  std::map<node_id, member_id> present_; ///< Without a founding, by node.
  std::set<node_id> forgetful_;
  std::optional<group_founding> told_;  ///< It names this life.
  std::optional<group_founding> joins_; ///< It does not.
};

/// Names a node in the group of a stream by its rt process, whatever its place
/// in the configuration.
[[nodiscard]] node_id node_id_of(std::string_view process);

/// Tells groups apart that were founded apart: a member listens to members of
/// its own founding only.
[[nodiscard]] founding_id group_id_of(const group_founding& founding);

} // namespace millrace::rt
