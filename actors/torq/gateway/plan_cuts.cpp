#include <millrace/actors/torq/gateway/plan_cuts.hpp>

#include <algorithm>
#include <utility>

namespace millrace::torq {

plan_cuts::plan_cuts(std::vector<fragment> fragments)
  : missing_{fragments.size()} {
  for (auto& each : fragments)
    fragments_.push_back({std::move(each)});
}

bool plan_cuts::one_is_asked(const std::string& stream) const {
  return std::any_of(fragments_.begin(), fragments_.end(),
                     [&](const entry& each) {
                       return each.what.grows && each.what.stream == stream
                              && each.now == standing::asked;
                     });
}

std::vector<plan_cuts::ask> plan_cuts::start() {
  fragments_.front().now = standing::asked;
  return {{0}};
}

std::vector<plan_cuts::ask> plan_cuts::answered(size_t number,
                                                const stream_place& upper) {
  auto& from = fragments_[number];
  from.now = standing::done;
  --missing_;
  if (from.what.grows)
    agreed_.emplace(from.what.stream, upper);
  std::vector<ask> out;
  for (size_t i = 0; i < fragments_.size(); ++i) {
    auto& each = fragments_[i];
    if (each.now != standing::to_come)
      continue;
    ask next{i};
    if (each.what.grows) {
      const auto found = agreed_.find(each.what.stream);
      if (found != agreed_.end())
        next.upto = found->second;
      else if (one_is_asked(each.what.stream))
        continue;
    }
    each.now = standing::asked;
    out.push_back(next);
  }
  return out;
}

} // namespace millrace::torq
