#include <millrace/actors/rt/raft/raft_members.hpp>
#include <millrace/messages/base/result.hpp>

#include <algorithm>

namespace millrace::rt {

namespace {

bool by_id(const raft_member& a, const raft_member& b) { return a.id < b.id; }

} // namespace

raft_configuration::raft_configuration(std::vector<raft_member> members)
  : members_{std::move(members)} {
  std::sort(members_.begin(), members_.end(), by_id);
  for (size_t i = 1; i < members_.size(); ++i)
    MILLRACE_ASSERT(members_[i - 1].id != members_[i].id);
}

const raft_member*
raft_configuration::find(const member_id& id) const noexcept {
  const auto found = std::lower_bound(members_.begin(), members_.end(),
                                      raft_member{id, false}, by_id);
  return found != members_.end() && found->id == id ? &*found : nullptr;
}

bool raft_configuration::votes(const member_id& id) const noexcept {
  const auto* member = find(id);
  return member && member->votes;
}

size_t raft_configuration::voter_count() const noexcept {
  return static_cast<size_t>(
    std::count_if(members_.begin(), members_.end(),
                  [](const raft_member& each) { return each.votes; }));
}

std::optional<raft_configuration>
raft_configuration::after(const member_change& change) const {
  using kind = member_change::kind_type;
  const auto* member = find(change.member);
  auto members = members_;
  const auto at = members.begin() + (member ? member - members_.data() : 0);
  switch (change.kind) {
    case kind::add_learner:
      if (member)
        return std::nullopt;
      members.push_back({change.member, false});
      break;
    case kind::promote:
      if (!member || member->votes
          || std::any_of(
            members.begin(), members.end(), [&](const raft_member& each) {
              return each.votes && each.id.node == change.member.node;
            }))
        return std::nullopt;
      at->votes = true;
      break;
    case kind::remove:
      if (!member || is_alone(change.member))
        return std::nullopt;
      members.erase(at);
      break;
  }
  return raft_configuration{std::move(members)};
}

std::optional<member_change>
next_replacement_step(const raft_configuration& members,
                      const member_id& leaving, const member_id& joining) {
  using kind = member_change::kind_type;
  if (!members.contains(joining))
    return member_change{kind::add_learner, joining};
  const bool leaves = members.contains(leaving);
  const bool votes = members.votes(joining);
  if (leaves && (votes || leaving.node == joining.node))
    return member_change{kind::remove, leaving};
  if (!votes)
    return member_change{kind::promote, joining};
  return std::nullopt;
}

} // namespace millrace::rt
