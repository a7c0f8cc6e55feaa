#pragma once

#include <millrace/messages/data/ids.hpp>

#include <cstdint>
#include <deque>

namespace millrace::rt {

/// What of a log is durable, while it is written and cut by jobs under way.
/// Each job has a ticket, and says how much of the log before it stands
/// unchanged after it. A report speaks of the log as one ticket left it: what
/// later tickets cut does not count, whichever bytes lie there now. So a late
/// report never vouches for an entry that took the place of another one.
/// One owner.
class raft_durability {
public:
  explicit raft_durability(entry_index durable) : index_{durable} {}

  /// Entries after `kept` are about to be removed or replaced.
  void keep(entry_index kept);
  /// The job that does what `keep` told since the last one; or one that leaves
  /// the log as it is. @param votes it writes a term or vote as well.
  uint64_t begin(bool votes);
  /// All jobs up to `ticket` are done; of the log as it left it, everything up
  /// to `index` is durable. @param last where the log ends now.
  /// @returns false, and changes nothing, for a report that comes after a later
  ///   one, or that says more than there is.
  [[nodiscard]] bool done(uint64_t ticket, entry_index index, entry_index last);

  /// How much of the log as it is now is known to be durable.
  [[nodiscard]] entry_index index() const noexcept { return index_; }
  /// So are term and vote, as they are now.
  [[nodiscard]] bool vote_is_durable() const noexcept { return vote_ <= done_; }
  /// The newest job.
  [[nodiscard]] uint64_t last_ticket() const noexcept { return last_; }

  /// They agree on everything but how many jobs there were.
  friend bool operator==(const raft_durability& a,
                         const raft_durability& b) noexcept;

private:
  struct job {
    uint64_t ticket = 0;
    entry_index kept;
  };

  static constexpr entry_index everything{~uint64_t{0}};

  entry_index index_;
  entry_index kept_ = everything; ///< Since the last job.
  uint64_t last_ = 0;
  uint64_t done_ = 0;
  uint64_t vote_ = 0;         ///< The newest job that wrote a term or vote.
  std::deque<job> under_way_; ///< Those that change the log, oldest first.
};

} // namespace millrace::rt
