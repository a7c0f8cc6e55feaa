#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string_view>
#include <vector>

namespace millrace::sim {

/// Who runs next in a world, when several could: a message of an actor, or a
/// job. Bugs of order hide from one of these and show in another.
enum class pick_policy : uint8_t {
  drawn,      ///< By the seed: one of the next three in three of four.
  uniform,    ///< Any, each as likely as the others.
  starve,     ///< One node waits, mostly, while others have something to do.
  sticky,     ///< What ran last goes on, mostly.
  priorities, ///< The one of the highest priority. Each has one by chance, for
              ///< a round of 64 to 4096 steps; at one to four of these, drawn
              ///< too, whose turn it is becomes the last of all. A bug that
              ///< needs n things in one order shows in a share of the seeds
              ///< that is known, and does not shrink as the rest of the program
              ///< grows (probabilistic concurrency testing, with n - 1
              ///< changes).
  newest,     ///< What could run last is run first, mostly.
};
inline constexpr std::array<std::string_view, 6> pick_policy_names{
  "drawn", "uniform", "starve", "sticky", "priorities", "newest"};
[[nodiscard]] constexpr std::string_view
to_string(pick_policy policy) noexcept {
  return pick_policy_names[static_cast<size_t>(policy)];
}

/// Chooses by a policy. Draws from the world's numbers.
class picker {
public:
  /// What could run.
  struct candidate {
    uint64_t who = 0; ///< The same for the same actor or job, for ever.
    size_t node = 0;
    bool is_job = false; ///< It runs once.
  };

  /// `drawn` is decided here.
  picker(pick_policy policy, std::mt19937_64& random);

  [[nodiscard]] pick_policy policy() const noexcept { return policy_; }
  /// Whether it looks at `candidate::who`.
  [[nodiscard]] bool knows_who() const noexcept {
    return policy_ != pick_policy::uniform && policy_ != pick_policy::starve;
  }
  /// There is a node of this number: it may be the one that starves.
  void add_node(size_t node);
  /// @pre not empty @returns which of them
  [[nodiscard]] size_t pick(const std::vector<candidate>& among);

private:
  static constexpr size_t nobody = ~size_t{0};
  uint64_t below(uint64_t limit) { return random_() % limit; }
  [[nodiscard]] size_t by_priority(const std::vector<candidate>& among);
  [[nodiscard]] size_t highest(const std::vector<candidate>& among);
  void begin_round();
  [[nodiscard]] size_t newest_of(const std::vector<candidate>& among);

  std::mt19937_64& random_;
  pick_policy policy_;
  size_t starved_ = nobody;
  uint64_t last_ = 0; ///< Which actor ran last.
  // priorities:
  std::map<uint64_t, uint64_t> priorities_; ///< By `who`; of this round.
  uint64_t steps_left_ = 0;                 ///< Of this round.
  std::set<uint64_t> changes_;              ///< With so many steps left.
  uint64_t lowest_ = 0;
  // newest: since when each can run.
  std::map<uint64_t, uint64_t> since_;
  uint64_t arrivals_ = 0;
};

} // namespace millrace::sim
