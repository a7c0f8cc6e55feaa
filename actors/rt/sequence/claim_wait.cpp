#include <millrace/actors/rt/sequence/claim_wait.hpp>

#include <algorithm>

namespace millrace::rt {

void claim_wait::heard(node_id from, const std::map<copy_id, position>& held) {
  if (nodes_.erase(from) == 0)
    return;
  for (const auto& [copy, end] : held)
    if (const auto known = until_.find(copy); known != until_.end())
      known->second = std::max(known->second, end);
}

bool claim_wait::is_over(int64_t now_ns,
                         const std::function<position(copy_id)>& merged) const {
  if (until_.empty() || now_ns - since_ns_ >= merge_ns)
    return true;
  if (!nodes_.empty() && now_ns - since_ns_ < hear_ns)
    return false;
  return std::all_of(until_.begin(), until_.end(), [&](const auto& each) {
    return merged(each.first) >= each.second;
  });
}

} // namespace millrace::rt
