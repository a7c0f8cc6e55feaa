#include <millrace/actors/rt/sequence/group_forming.hpp>

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace millrace::rt {

group_forming::group_forming(std::vector<node> configured,
                             const member_id& self)
  : configured_{std::move(configured)}, self_{self} {
  present_[self.node] = self;
}

void group_forming::heard(const member_id& from,
                          const raft_configuration& founding) {
  if (founding.empty()) {
    present_[from.node] = from;
    return;
  }
  present_.erase(from.node);
  if (founding.contains(self_)) {
    left_out_ = false;
    told_ = founding;
  } else if (!told_) {
    left_out_ = true;
  }
}

std::optional<raft_configuration> group_forming::founding() const {
  if (told_)
    return told_;
  if (left_out_ || configured_.front().id != self_.node
      || !waits_for().empty())
    return std::nullopt;
  std::vector<raft_member> members;
  for (const auto& each : configured_)
    members.push_back({present_.at(each.id), true});
  return raft_configuration{std::move(members)};
}

std::vector<std::string> group_forming::waits_for() const {
  std::vector<std::string> out;
  if (configured_.front().id != self_.node) {
    if (!told_ && !left_out_)
      out.push_back(configured_.front().name);
    return out;
  }
  for (const auto& each : configured_)
    if (!present_.contains(each.id))
      out.push_back(each.name);
  return out;
}

uint64_t node_number(std::string_view process) {
  return XXH3_64bits(process.data(), process.size());
}

uint64_t group_id_of(const raft_configuration& founding) {
  std::vector<uint64_t> words;
  for (const auto& member : founding.members()) {
    words.push_back(member.id.node);
    words.push_back(member.id.incarnation);
  }
  return XXH3_64bits(words.data(), words.size() * sizeof(uint64_t));
}

} // namespace millrace::rt
