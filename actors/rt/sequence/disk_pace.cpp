#include <millrace/actors/rt/sequence/disk_pace.hpp>

#include <algorithm>
#include <vector>

namespace millrace::rt {

void disk_pace::began(uint64_t file, int64_t now_ns) {
  under_way_.emplace(file, now_ns);
}

void disk_pace::ended(uint64_t file, int64_t now_ns) {
  const auto begun = under_way_.extract(file);
  if (begun.empty())
    return;
  samples_.push_back({now_ns, now_ns - begun.mapped()});
  if (samples_.size() > samples_max)
    samples_.pop_front();
}

std::optional<int64_t> disk_pace::sync_ns(int64_t now_ns) const {
  int64_t oldest_ns = 0;
  for (const auto& [file, since_ns] : under_way_)
    oldest_ns = std::max(oldest_ns, now_ns - since_ns);
  if (oldest_ns >= stuck_ns)
    return oldest_ns;
  std::vector<int64_t> took;
  for (const auto& each : samples_)
    if (now_ns - each.ended_ns < window_ns)
      took.push_back(each.took_ns);
  if (took.empty())
    return std::nullopt;
  const auto middle
    = took.begin() + static_cast<ptrdiff_t>((took.size() - 1) / 2);
  std::nth_element(took.begin(), middle, took.end());
  return *middle;
}

} // namespace millrace::rt
