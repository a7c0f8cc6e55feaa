#include <millrace/actors/rt/sequence/group_forming.hpp>

#include <algorithm>
#include <utility>
#include <xxhash.h>

namespace millrace::rt {

group_forming::group_forming(std::vector<node> configured,
                             const member_id& self, bool forgot)
  : configured_{std::move(configured)}, self_{self} {
  present_[self.node] = self;
  if (forgot)
    forgetful_.insert(self.node);
}

void group_forming::heard(const member_id& from, const group_founding& founding,
                          bool forgot) {
  present_.erase(from.node);
  if (forgot) {
    forgetful_.insert(from.node);
    // It may have died before anybody heard of it.
    if (founding.members.contains(self_))
      told_ = founding;
    return;
  }
  forgetful_.erase(from.node);
  if (founding.empty())
    present_[from.node] = from;
  else if (founding.members.contains(self_))
    told_ = founding;
  else if (!joins_ || founding.generation > joins_->generation)
    joins_ = founding;
}

std::optional<group_founding> group_forming::founding() const {
  if (told_)
    return told_;
  if (joins_)
    return joins_;
  if (!forgetful_.empty() || configured_.front().id != self_.node
      || !waits_for().empty())
    return std::nullopt;
  std::vector<raft_member> members;
  for (const auto& each : configured_)
    members.push_back({present_.at(each.id), true});
  return group_founding{raft_configuration{std::move(members)}, {}};
}

std::vector<std::string> group_forming::forgetful() const {
  std::vector<std::string> out;
  for (const auto& each : configured_)
    if (forgetful_.contains(each.id))
      out.push_back(each.name);
  return out;
}

std::vector<std::string> group_forming::waits_for() const {
  std::vector<std::string> out;
  if (configured_.front().id != self_.node) {
    if (!told_ && !joins_)
      out.push_back(configured_.front().name);
    return out;
  }
  for (const auto& each : configured_)
    if (!present_.contains(each.id))
      out.push_back(each.name);
  return out;
}

node_id node_id_of(std::string_view process) {
  return node_id{XXH3_64bits(process.data(), process.size())};
}

founding_id group_id_of(const group_founding& founding) {
  std::vector<uint64_t> words;
  if (founding.generation != group_generation{})
    words.push_back(founding.generation.value);
  for (const auto& member : founding.members.members()) {
    words.push_back(member.id.node.value);
    words.push_back(member.id.incarnation.value);
  }
  return founding_id{
    XXH3_64bits(words.data(), words.size() * sizeof(uint64_t))};
}

} // namespace millrace::rt
