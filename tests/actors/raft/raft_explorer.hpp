#pragma once

#include <millrace/tests/actors/raft/raft_checker.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace millrace::rt {

/// Visits every state that a group of three can reach within limits: in each,
/// any message may arrive (or never), any disk may finish its writes, any
/// member may run out of patience, crash, or propose when it leads. Time does
/// not count: leases are taken to be over whenever a vote is asked for, which
/// allows more than clocks would. Breadth first, so that what it finds is
/// short.
class raft_explorer {
public:
  struct limits {
    uint64_t term_max = 2;
    uint64_t entries_max = 3; ///< Of a log, the first of each leader included.
    uint64_t proposals_max = 1;
    uint64_t crashes_max = 1;
    size_t messages_max = 2;     ///< Under way at once.
    uint64_t heartbeats_max = 1; ///< Of a leader.
    bool slow_disks
      = false; ///< Writes may be under way while all else goes on.
    bool forgets_votes = false; ///< A fault that must be found.
  };

  explicit raft_explorer(limits within);

  /// @returns the first fault, with the way to it; empty: there is none.
  [[nodiscard]] std::string run();
  [[nodiscard]] size_t state_count() const noexcept { return visits_.size(); }
  [[nodiscard]] uint64_t step_count() const noexcept { return steps_; }

private:
  static constexpr size_t count = 3;
  using number = uint32_t; ///< Of something that is kept once.

  /// A member with its disk; writes are lost in a crash until they are done.
  struct node {
    raft_core core;
    raft_disk disk;
    std::vector<raft_core::persist> jobs;
    [[nodiscard]] bool is(const node& other) const;
  };
  enum class action_type : uint8_t {
    deliver,
    finish_writes,
    lose_patience,
    heartbeat,
    propose,
    crash,
  };
  struct action {
    action_type what = action_type::deliver;
    uint8_t who = 0;
    number message = 0;
  };
  /// What is known of the way to a state: who led which term, and what was
  /// committed; properties speak of the past, too.
  struct history {
    std::map<uint64_t, uint64_t> leaders;
    struct commit {
      uint64_t term = 0;
      uint64_t known_in = 0;
      std::string content;
      friend bool operator==(const commit&, const commit&) = default;
    };
    std::vector<commit> commits;
    [[nodiscard]] uint64_t leader_of(uint64_t term) const {
      const auto found = leaders.find(term);
      return found == leaders.end() ? 0 : found->second;
    }
    friend bool operator==(const history&, const history&) = default;
  };
  struct state {
    std::array<number, count> nodes{};
    number past = 0;
    uint8_t crashes = 0;
    uint8_t proposals = 0;
    std::vector<number> messages; ///< A set, in order.
  };
  /// What one action does to one member; the same wherever it happens.
  struct outcome {
    number node = 0;
    bool valid = false;
    std::vector<number> said;
    entry_index committed;
    std::string fault;
  };
  struct visit {
    state at;
    size_t from = 0;
    action by;
  };

  [[nodiscard]] std::vector<action> actions_of(const state& at) const;
  [[nodiscard]] const outcome& outcome_of(number host, const action& what);
  [[nodiscard]] outcome compute(const node& before, const action& what);
  void take_effects(node& host, const std::vector<raft_core::effect>& effects,
                    outcome& out);
  /// @returns a fault.
  std::string go(size_t from, const action& what);
  std::string check(state& to, const outcome& done, uint8_t who);
  [[nodiscard]] std::string compare(const raft_core& one,
                                    const raft_core& other,
                                    const history& past) const;
  std::string check_commits(history& past, const raft_core& core,
                            entry_index to) const;
  [[nodiscard]] std::string way_to(size_t at) const;
  [[nodiscard]] bool is_dead(number message, const state& at) const;
  [[nodiscard]] static std::array<uint64_t, 2> key_of(const state& what);
  [[nodiscard]] std::string describe(const action& what) const;

  number keep(node what);
  number keep(raft_message what);
  number keep(history what);

  limits limits_;
  std::deque<node> nodes_;
  std::unordered_multimap<uint64_t, number> node_numbers_;
  std::deque<raft_message> messages_;
  std::unordered_multimap<uint64_t, number> message_numbers_;
  std::deque<history> pasts_;
  std::unordered_map<uint64_t, outcome> outcomes_;
  struct first_half {
    size_t operator()(const std::array<uint64_t, 2>& key) const noexcept {
      return key[0];
    }
  };
  /// 128 bits of each state: two that share them are not to be expected.
  std::unordered_set<std::array<uint64_t, 2>, first_half> seen_;
  std::deque<visit> visits_;
  uint64_t steps_ = 0;
};

} // namespace millrace::rt
