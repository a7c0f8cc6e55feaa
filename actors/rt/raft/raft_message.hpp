#pragma once

#include <millrace/actors/rt/raft/raft_log.hpp>

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace millrace::rt {

/// Asks for a vote in the message's term.
struct raft_vote_request {
  /// Only asks whether there would be a vote: nobody's term changes by it.
  bool pre = false;
  /// The leader wishes it: a leader that is heard does not stand against it.
  bool transfer = false;
  raft_place last; ///< Where the durable log of the candidate ends.
  friend bool operator==(const raft_vote_request&, const raft_vote_request&)
    = default;
};

/// The answer; of a `pre` that is granted, in the term that was asked for.
struct raft_vote_response {
  bool pre = false;
  bool granted = false;
  friend bool operator==(const raft_vote_response&, const raft_vote_response&)
    = default;
};

/// Entries after `previous`, in order. Without entries it says that the leader
/// lives, and asks whether `previous` is there; index 0 is everywhere.
struct raft_append_request {
  raft_place previous;
  entry_index committed; ///< As the leader knows.
  std::vector<raft_entry> entries;
  /// Of the leader's entry at `previous`, see raft_entry::sum; 0: not known.
  uint64_t previous_sum = 0;
  /// It only tells what is committed: a member that has `previous` does not
  /// answer. One of a heartbeat is answered.
  bool notice = false;
  friend bool operator==(const raft_append_request&, const raft_append_request&)
    = default;
};

struct raft_append_response {
  /// `previous` of the request was not there.
  struct missing {
    entry_index previous; ///< That of the request.
    /// The last place of this log, up to `previous`, at which it may agree with
    /// the leader's: none after it has so early a term.
    raft_place hint;
    friend bool operator==(const missing&, const missing&) = default;
  };
  /// Acknowledged: this member agrees with the leader up to here, durably.
  entry_index durable;
  /// It agrees up to here, and is still writing. No promise.
  entry_index held;
  std::optional<missing> refusal{};
  friend bool operator==(const raft_append_response&,
                         const raft_append_response&)
    = default;
};

/// The leader asks for an election at once, which this member should win.
struct raft_timeout_now {
  friend bool operator==(const raft_timeout_now&, const raft_timeout_now&)
    = default;
};

/// What members of a group say to each other. May be lost, doubled, delayed and
/// reordered.
struct raft_message {
  member_id from;
  member_id to;
  raft_term term; ///< The sender's; of votes, the one that is asked for.
  std::variant<raft_vote_request, raft_vote_response, raft_append_request,
               raft_append_response, raft_timeout_now>
    body;
  friend bool operator==(const raft_message&, const raft_message&) = default;
};

} // namespace millrace::rt
