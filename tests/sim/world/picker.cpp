#include <millrace/messages/base/result.hpp>
#include <millrace/sim/world/picker.hpp>

#include <algorithm>
#include <utility>

namespace millrace::sim {

namespace {

pick_policy decided(pick_policy wanted, std::mt19937_64& random) {
  if (wanted != pick_policy::drawn)
    return wanted;
  switch (random() % 8) {
    case 0:
    case 4:
      return pick_policy::starve;
    case 1:
    case 5:
      return pick_policy::sticky;
    case 2:
      return pick_policy::priorities;
    case 3:
      return pick_policy::newest;
    default:
      return pick_policy::uniform;
  }
}

} // namespace

picker::picker(pick_policy policy, std::mt19937_64& random)
  : random_{random}, policy_{decided(policy, random)} {}

void picker::add_node(size_t node) {
  if (policy_ == pick_policy::starve && below(2) == 0)
    starved_ = node;
}

size_t picker::pick(const std::vector<candidate>& among) {
  MILLRACE_ASSERT(!among.empty());
  auto picked = nobody;
  switch (policy_) {
    case pick_policy::priorities:
      return by_priority(among);
    case pick_policy::newest:
      picked = newest_of(among);
      break;
    default:
      picked = static_cast<size_t>(below(among.size()));
  }
  if (policy_ == pick_policy::sticky && last_ != 0 && below(8) != 0) {
    const auto last
      = std::find_if(among.begin(), among.end(),
                     [&](const candidate& each) { return each.who == last_; });
    if (last != among.end())
      return static_cast<size_t>(last - among.begin());
  }
  if (policy_ == pick_policy::starve
      && std::any_of(among.begin(), among.end(), [&](const candidate& each) {
           return each.node != starved_;
         }))
    for (int i = 0; i < 4 && among[picked].node == starved_; ++i)
      picked = static_cast<size_t>(below(among.size()));
  if (!among[picked].is_job)
    last_ = among[picked].who;
  return picked;
}

// -- priorities ---------------------------------------------------------------

/// Rounds are short beside the silence after which a peer is given up: who is
/// of low priority is late, and not dead.
void picker::begin_round() {
  priorities_.clear();
  changes_.clear();
  steps_left_ = uint64_t{64} << below(7);
  lowest_ = uint64_t{1} << 32;
  for (auto left = 1 + below(4); left > 0; --left)
    changes_.insert(1 + below(steps_left_));
}

size_t picker::highest(const std::vector<candidate>& among) {
  size_t best = nobody;
  uint64_t best_has = 0;
  for (size_t i = 0; i < among.size(); ++i) {
    const auto [has, is_new] = priorities_.try_emplace(among[i].who, 0);
    if (is_new)
      has->second
        = random_() | uint64_t{1} << 63; // Above all that was lowered.
    if (best == nobody || has->second > best_has) {
      best = i;
      best_has = has->second;
    }
  }
  return best;
}

size_t picker::by_priority(const std::vector<candidate>& among) {
  if (steps_left_ == 0)
    begin_round();
  auto picked = highest(among);
  if (changes_.contains(steps_left_--)) {
    priorities_[among[picked].who] = --lowest_;
    picked = highest(among);
  }
  return picked;
}

// -- newest -------------------------------------------------------------------

/// One in eight is any: else what came first might never run.
size_t picker::newest_of(const std::vector<candidate>& among) {
  std::map<uint64_t, uint64_t> now;
  size_t newest = 0;
  uint64_t newest_came = 0;
  for (size_t i = 0; i < among.size(); ++i) {
    const auto before = since_.find(among[i].who);
    const auto came = before == since_.end() ? ++arrivals_ : before->second;
    now.emplace(among[i].who, came);
    if (came >= newest_came) {
      newest = i;
      newest_came = came;
    }
  }
  since_ = std::move(now);
  return below(8) == 0 ? static_cast<size_t>(below(among.size())) : newest;
}

} // namespace millrace::sim
