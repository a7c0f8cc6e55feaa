#pragma once

#include <millrace/actors/rt/raft/raft_core.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

/// What a member's disk holds; a crash leaves this, or less than this of what
/// was never reported.
struct raft_disk {
  raft_vote vote;
  raft_log log{{}, {}};

  /// Carries out a job as `persist` says, or only its first parts: vote, cut,
  /// base, and each entry are one.
  void apply(const raft_core::persist& job, size_t parts = ~size_t{0});
  [[nodiscard]] raft_recovered recovered() const;
};

/// Watches all members of a group after every step, and knows the five safety
/// properties of Raft's paper (its figure 3), and what may be said only after
/// it is durable. Told everything, it needs no part of the cores' own state.
class raft_checker {
public:
  /// One step of one member, and what it led to.
  struct observation {
    member_id self;
    const raft_core* core = nullptr;
    raft_core::role_type role_before = raft_core::role_type::follower;
    raft_term term_before;
    entry_index last_before;
    const std::vector<raft_core::effect>* effects = nullptr;
  };
  struct member_view {
    member_id id;
    const raft_core* core = nullptr; ///< Null while it is down.
    const raft_disk* disk = nullptr;
    /// Above it entries are on disk, and what they name is not.
    entry_index named_index{~uint64_t{0}};
  };

  void check(const observation& step, const std::vector<member_view>& group);
  /// The same for one member, as far as it alone can tell.
  void check_alone(const observation& step, const raft_disk& disk);
  /// A member begins anew from its disk, and reports commits again.
  void restarted(const member_id& id) { reported_.erase(id); }

  [[nodiscard]] const std::vector<std::string>& faults() const noexcept {
    return faults_;
  }
  /// What was committed so far, by index.
  struct commit {
    raft_term entry_term;
    raft_term known_in; ///< Of whom said so first.
    std::string content;
  };
  [[nodiscard]] const std::map<entry_index, commit>& commits() const noexcept {
    return commits_;
  }

private:
  using group = std::vector<member_view>;

  void check_log(const observation& step, const raft_core::persist& job);
  void check_leader(const observation& step);
  void check_commit(const observation& step, entry_index to, const group& all);
  void check_message(const observation& step, const raft_message& what,
                     const raft_disk& disk, entry_index named);
  void check_complete(const member_id& id, const raft_core& leader,
                      entry_index index, const commit& what);
  void fault(const member_id& self, const std::string& what);

  std::map<raft_term, member_id> leaders_;
  /// Of each (index, term): the entry, and the term before it.
  std::map<std::pair<entry_index, raft_term>, std::pair<std::string, raft_term>>
    entries_;
  std::map<entry_index, commit> commits_;
  std::map<member_id, entry_index> reported_; ///< Since its last start.
  std::vector<std::string> faults_;
};

/// All of an entry as text.
[[nodiscard]] std::string content_of(const raft_entry& entry);

} // namespace millrace::rt
