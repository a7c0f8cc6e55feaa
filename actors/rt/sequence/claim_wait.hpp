#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <set>

namespace millrace::rt {

/// What a claim of an origin waits for at the node that leads: what the nodes
/// hold of the logs that it fences is merged first, as far as they say so in
/// time. Pure; one owner.
class claim_wait {
public:
  /// A node that does not say what it holds for so long is not waited for.
  static constexpr int64_t hear_ns = 1'000'000'000;
  /// What is not merged by then is not merged before the claim.
  static constexpr int64_t merge_ns = 2'000'000'000;

  /// @param fenced the logs, by their copies here: up to where each is recorded
  /// @param nodes the others that are connected
  claim_wait(std::map<copy_id, position> fenced, std::set<node_id> nodes,
             int64_t now_ns)
    : until_{std::move(fenced)}, nodes_{std::move(nodes)}, since_ns_{now_ns} {}

  /// A node said what it holds and is not merged; what it says later came
  /// later.
  void heard(node_id from, const std::map<copy_id, position>& held);

  /// Up to where the logs are to be merged before the claim; nothing after that
  /// is.
  [[nodiscard]] const std::map<copy_id, position>& until() const noexcept {
    return until_;
  }

  /// Whether the claim is to be proposed.
  [[nodiscard]] bool
  is_over(int64_t now_ns, const std::function<position(copy_id)>& merged) const;

  [[nodiscard]] int64_t since_ns() const noexcept { return since_ns_; }

private:
  std::map<copy_id, position> until_;
  std::set<node_id> nodes_; ///< That are still to say what they hold.
  int64_t since_ns_;
};

} // namespace millrace::rt
