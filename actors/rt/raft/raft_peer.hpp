#pragma once

#include <millrace/actors/rt/raft/raft_message.hpp>

#include <cstdint>
#include <deque>

namespace millrace::rt {

/// How far another member has come, as the leader knows. One owner.
class raft_peer {
public:
  enum class phase_type : uint8_t {
    probing,     ///< Where its log agrees is not known: one request at a time.
    replicating, ///< Requests follow each other without waiting.
    snapshot,    ///< It gets a snapshot; what it needs is not in the log.
  };

  /// @param next the first entry that it may lack.
  raft_peer(const member_id& id, entry_index next, int64_t now_ns)
    : heard_at_ns{now_ns}, came_on_ns{now_ns}, id_{id}, next_{next} {}

  [[nodiscard]] const member_id& id() const noexcept { return id_; }
  [[nodiscard]] phase_type phase() const noexcept { return phase_; }
  /// It acknowledged everything up to here in this term.
  [[nodiscard]] entry_index durable() const noexcept { return durable_; }
  /// The next entry to send.
  [[nodiscard]] entry_index next() const noexcept { return next_; }
  /// How many entries may be sent now.
  [[nodiscard]] uint64_t window(uint64_t in_flight_max) const noexcept;

  /// Requests with entries that it has not answered; in phase replicating.
  [[nodiscard]] size_t requests_in_flight() const noexcept {
    return requests_.size();
  }

  /// Entries up to `last` were sent.
  void sent(entry_index last);
  /// Another probe may be sent, in case that the last one was lost.
  void probe_again() noexcept { waits_ = false; }
  /// @returns whether it acknowledged more than before.
  bool accepted(entry_index durable, entry_index held);
  enum class answer_type : uint8_t {
    old,     ///< An earlier answer has said so.
    news,    ///< Where to try next has changed.
    forgets, ///< So it has, and the member denies what it had acknowledged.
  };
  /// It lacks what stands before `next`: `log` says where to try next. A member
  /// that lacks, again and again, what it had acknowledged came back with an
  /// older disk: from then on it counts with what it now says is durable.
  answer_type missed(const raft_append_response& answer, const raft_log& log);
  /// A snapshot up to `index` goes there.
  void begin_snapshot(entry_index index);
  /// It went there, or did not.
  void end_snapshot(bool delivered);

  int64_t heard_at_ns; ///< When it last spoke.
  int64_t came_on_ns;  ///< When it last acknowledged more than before.
  /// The highest commit that it was told of.
  entry_index told_committed{};
  /// It was removed, and hears of that before it is forgotten.
  bool leaves = false;

  friend bool operator==(const raft_peer&, const raft_peer&) = default;

private:
  member_id id_;
  phase_type phase_ = phase_type::probing;
  entry_index durable_{};
  entry_index next_;
  entry_index snapshot_{}; ///< In phase snapshot.
  bool waits_ = false;     ///< In phase probing: for an answer.
  /// Answers in a row that deny what was acknowledged.
  uint8_t denials_ = 0;
  /// The last entry of each request under way.
  std::deque<entry_index> requests_;
};

} // namespace millrace::rt
