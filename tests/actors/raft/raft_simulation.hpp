#pragma once

#include <millrace/tests/actors/raft/raft_group.hpp>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace millrace::rt {

/// A group under faults, all of one seed: crashes that lose what is not
/// durable, slow disks, entries whose bytes come late, messages that are lost,
/// doubled, delayed and reordered, partitions of one way or both, clocks of
/// different speed, compaction and snapshots, changes of members and leaders,
/// wiped disks. Then everything heals, and the group must go on.
class raft_simulation {
public:
  /// Faults beyond those that a group must stand: a checker must find them.
  enum class defect : uint8_t {
    none,
    forgets_votes,     ///< A crash takes term and vote along.
    reports_too_early, ///< Jobs are reported and not carried out.
    forgets_entries,   ///< A crash takes entries that were reported.
    ignores_bytes,     ///< Entries are reported without what they name.
  };

  raft_simulation(uint64_t seed, uint64_t voters, defect broken);

  void run_with_faults(int64_t milliseconds);
  /// @returns what did not happen within `milliseconds`; empty: all did.
  [[nodiscard]] std::string heal_and_settle(int64_t milliseconds);

  [[nodiscard]] raft_group& group() { return group_; }
  /// What happened how often, to see that it happens.
  [[nodiscard]] const std::map<std::string, uint64_t>& marks() const {
    return marks_;
  }

private:
  struct under_way {
    int64_t at_ms;
    raft_message message;
  };
  struct snapshot {
    int64_t at_ms;
    member_id from;
    raft_core::snapshot_needed what;
  };
  struct replacement {
    member_id leaving;
    member_id joining;
  };

  [[nodiscard]] bool chance(double probability);
  [[nodiscard]] uint64_t below(uint64_t limit) { return random_() % limit; }
  [[nodiscard]] raft_host& any_host();
  void one_millisecond(bool faults);
  void break_something();
  void break_links();
  void change_group();
  void crash(raft_host& host);
  void lose_disk();
  void go_on_replacing();
  void use_disk(raft_host& host, bool faults);
  void send_messages(bool faults);
  void deliver_messages();
  void deliver_snapshots(bool faults);
  void offer_snapshot(const raft_host& leader);
  [[nodiscard]] bool all_agree();
  void mark(const std::string& what) { ++marks_[what]; }

  std::mt19937_64 random_;
  raft_group group_;
  defect defect_;
  int64_t now_ms_ = 0;
  std::map<member_id, double> clock_rates_;
  std::map<member_id, size_t> jobs_seen_;
  std::set<member_id> untold_; ///< What is durable there waits for a report.
  std::set<member_id> lost_;
  std::vector<under_way> messages_;
  std::vector<snapshot> snapshots_;
  std::vector<replacement> replacing_;
  double drop_ = 0.02;
  double slow_disk_ = 0.3;
  double late_bytes_ = 0.1;
  double leaders_fall_ = 0;
  uint64_t proposals_ = 0;
  std::map<std::string, uint64_t> marks_;
};

} // namespace millrace::rt
