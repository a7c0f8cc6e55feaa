#include <millrace/actors/rt/publish/collected_copies.hpp>

#include <algorithm>
#include <vector>

namespace millrace::rt {

position collects_below(const collected_copies& copies, size_t count) {
  const auto majority = count / 2 + 1;
  if (copies.size() < majority)
    return {};
  std::vector<position> released;
  auto by_all = copies.begin()->second.below;
  for (const auto& [name, copy] : copies) {
    by_all = std::min(by_all, copy.below);
    released.push_back(std::min(copy.released, copy.below));
  }
  if (copies.size() < count)
    by_all = {};
  std::sort(released.rbegin(), released.rend());
  return std::max(by_all, released[majority - 1]);
}

} // namespace millrace::rt
