#pragma once

#include <millrace/actors/rt/raft/raft_durability.hpp>
#include <millrace/actors/rt/raft/raft_message.hpp>
#include <millrace/actors/rt/raft/raft_peer.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

// Elections are in raft_election.cpp, what a follower does in
// raft_following.cpp, what a leader does in raft_leading.cpp, changes of
// members and of the leader in raft_changes.cpp.

namespace millrace::rt {

/// What makes a member durable: in which term it is, and for whom it voted
/// there (node 0: for nobody).
struct raft_vote {
  raft_term term;
  member_id candidate;
  friend bool operator==(const raft_vote&, const raft_vote&) = default;
};

struct raft_options {
  member_id self;
  /// Of the random election time-outs, together with `self`.
  uint64_t seed = 1;
  /// A leader is heard this often.
  int64_t heartbeat_ns = 50'000'000;
  /// Without a leader for this long to twice as long, drawn anew each time, an
  /// election begins. A leader that hears no majority for this long steps down.
  /// One that stood in vain waits twice as long for votes the next time, up to
  /// 32 times: those of members whose disks are slow take longer.
  int64_t election_ns = 250'000'000;
  /// Limits: of one request to append (an entry that is larger goes alone), of
  /// entries sent to one member and not acknowledged, and of what a leader
  /// takes in before it is committed.
  uint64_t append_bytes_max = 256u << 10;
  uint64_t entries_in_flight_max = 1024;
  uint64_t uncommitted_bytes_max = uint64_t{64} << 20;
  /// Requests with entries that one member has not answered: while so many are
  /// under way new entries gather, so that a busy group sends fewer messages,
  /// each with more. One is made durable while the next one travels.
  uint32_t requests_in_flight_max = 2;
  friend bool operator==(const raft_options&, const raft_options&) = default;
};

/// What a member finds on its disk. New: founders of a group begin at index 0
/// with the same members, one that joins with none.
struct raft_recovered {
  raft_vote vote;
  raft_base base;
  /// Those after the base that are durable, with all that they name.
  std::vector<raft_entry> entries;
  /// Up to here it is known that they are committed.
  entry_index committed{};
};

/// One member of a group that agrees on a log: Raft, after its paper and
/// thesis. Pure: no clock, no I/O; what is to be done is returned. One owner.
///
/// **Durability.** `persist` effects are carried out in the order of their
/// tickets. The owner answers with `persisted{ticket, index}`: all effects up
/// to the ticket are durable, and so are, of the log as that ticket left it,
/// all entries up to `index` *with everything that they name*. For an entry
/// whose bytes are still on their way the owner holds `index` back; it repeats
/// the ticket when they came. Terms and votes count by the ticket alone. The
/// core holds back what it must not say before: every message, while a term or
/// vote is not durable, and acknowledgements of entries. It stands for election
/// with its durable entries only: a candidate cuts off the rest, as a crash
/// would have done. Reports that are under way then speak of entries that are
/// gone; as each is compared with what later tickets cut (`raft_durability`),
/// it cannot vouch for what took their place. A crash may lose any suffix of
/// the effects that were not reported, and of the entries above `index`.
///
/// **Commit.** A leader counts members by what they, itself included, hold
/// durably, and only for entries of its own term. `committed` says what this
/// member may apply: committed by the group, and durable here.
///
/// **Members.** One change at a time; it is in force when it is appended, and
/// undone when its entry is cut. Answers from those that are not members under
/// that very incarnation are refused. Requests are not: their sender may be a
/// member, and it is this one that is behind; a majority stands behind whatever
/// a leader says. A group of one begins to lead with the first tick.
///
/// **Memory.** The entries after the last compaction, and messages held back
/// for one write. It is for the owner to compact in time.
class raft_core {
public:
  // -- what happens -----------------------------------------------------------

  /// Time passed. Comes at least twice per heartbeat.
  struct tick {};
  struct received {
    raft_message message;
  };
  /// Take these into the log, one entry each. `proposed` or `declined` follows.
  struct propose {
    std::vector<chunk> payloads;
  };
  /// See above. @pre tickets do not decrease.
  struct persisted {
    uint64_t ticket = 0;
    entry_index index;
  };
  /// `proposed` (the index of the change) or `declined` follows.
  struct change {
    member_change what;
  };
  /// The leader hands over, for whatever reason, also with a disk that fails:
  /// to this voter, or to the one that is furthest. Nothing is proposed until
  /// it did, or until `transfer_failed` after an election time-out.
  struct transfer {
    std::optional<member_id> to;
  };
  /// The state as of `index` is durable elsewhere; the entries up to it may go.
  /// @pre it was reported as committed.
  struct compacted {
    entry_index index;
  };
  /// A snapshot was taken in, and is durable: the state as of `base`, as the
  /// leader of `term` gave it. An older one than what is committed here changes
  /// nothing.
  struct snapshot_installed {
    raft_base base;
    raft_term term;
  };
  /// A leader of `term` offers a snapshot of which this member may have the
  /// last entry: it acknowledged that, and the leader did not hear of it. If so
  /// it says it again, and needs no snapshot.
  struct snapshot_offered {
    raft_place at;
    raft_term term;
  };
  /// What became of `snapshot_needed`. Always comes, and also when the
  /// connection broke.
  struct snapshot_sent {
    member_id to;
    bool delivered = false;
  };
  /// The disk of this member is full, fails or is slow, or well again. While it
  /// is not well it takes over from no leader, and stands for election only
  /// after others had ample time to.
  struct disk {
    bool well = true;
  };
  using input = std::variant<tick, received, propose, persisted, change,
                             transfer, compacted, snapshot_installed,
                             snapshot_offered, snapshot_sent, disk>;

  // -- what is to be done -----------------------------------------------------

  /// Write this; `persisted` is the answer. In this order, of which a crash may
  /// leave the first ones only: the vote; the log is cut before `from`; it
  /// begins at `base`, and what is up to there goes; the entries follow, from
  /// `from` on. (A base before the cut would leave entries after a base that
  /// they do not follow.)
  struct persist {
    uint64_t ticket = 0;
    std::optional<raft_vote> vote;
    std::optional<entry_index> from;
    std::optional<raft_base> base;
    std::vector<raft_entry> entries;
  };
  struct send {
    raft_message message;
  };
  /// Entries up to `index` may be applied; they are in `log()`.
  struct committed {
    entry_index index;
  };
  enum class role_type : uint8_t { follower, pre_candidate, candidate, leader };
  /// Role, term, or whom it follows changed.
  struct became {
    role_type role = role_type::follower;
    raft_term term;
    std::optional<member_id> leader; ///< Itself, too.
  };
  /// Other members than before are in force, committed or not.
  struct configured {
    raft_configuration members;
  };
  /// The payloads stand at these indexes, if this leader's term lasts: an
  /// entry is committed when `committed` passes it and its term is this one.
  struct proposed {
    entry_index first;
    entry_index last;
    raft_term term;
  };
  enum class reason : uint8_t {
    not_leader,
    transferring,
    too_much_uncommitted,
    change_under_way, ///< An earlier one, or this leader committed nothing yet.
    not_caught_up,    ///< A learner that is too far behind to vote.
    no_such_change,   ///< It makes no sense with these members.
    no_such_voter,
  };
  /// A proposal, change or transfer was not taken.
  struct declined {
    reason why = reason::not_leader;
    std::optional<member_id> leader; ///< Who may take it.
  };
  struct transfer_failed {
    member_id to;
  };
  /// A member needs entries that were compacted: send it a snapshot as of
  /// `base` or later, with `term`; then tell `snapshot_sent`.
  struct snapshot_needed {
    member_id to;
    raft_base base;
    raft_term term;
  };
  enum class refusal : uint8_t {
    not_for_this_member, ///< Another node, or another life of this one.
    not_a_member,        ///< An answer from a stranger.
    second_leader,       ///< Of one term: a member that has lost its votes.
    against_committed,   ///< It would replace what is committed.
    malformed,
    report_out_of_order, ///< Of durability; or of more than there is.
    not_committed,       ///< A compaction up to there.
    forgot,              ///< It lacks what it had acknowledged.
  };
  /// An input was not taken, and should not have come.
  struct refused {
    member_id from;
    refusal why = refusal::malformed;
  };
  using effect
    = std::variant<persist, send, committed, became, configured, proposed,
                   declined, transfer_failed, snapshot_needed, refused>;

  raft_core(raft_options options, raft_recovered found, int64_t now_ns);

  /// @param now_ns of a clock that does not go back.
  /// @returns what is to be done, in this order.
  [[nodiscard]] std::vector<effect> step(input what, int64_t now_ns);

  [[nodiscard]] role_type role() const noexcept { return role_; }
  [[nodiscard]] raft_term term() const noexcept { return vote_.term; }
  [[nodiscard]] const std::optional<member_id>& leader() const noexcept {
    return leader_;
  }
  /// What was reported as committed.
  [[nodiscard]] entry_index commit_index() const noexcept { return committed_; }
  /// What the group has committed, as this member knows. More than the above
  /// where its own disk lags: others may have applied that, and told so.
  [[nodiscard]] entry_index group_commit_index() const noexcept {
    return group_committed_;
  }
  /// How much of the log is durable here.
  [[nodiscard]] entry_index durable_index() const noexcept {
    return durability_.index();
  }
  [[nodiscard]] uint64_t last_ticket() const noexcept {
    return durability_.last_ticket();
  }
  [[nodiscard]] const raft_log& log() const noexcept { return log_; }
  [[nodiscard]] const raft_configuration& members() const noexcept {
    return log_.members();
  }
  /// As a leader: a majority, itself included, was heard within an election
  /// time-out: no other one can have been elected meanwhile.
  [[nodiscard]] bool majority_heard(int64_t now_ns) const;
  /// It would take a proposal now.
  [[nodiscard]] bool takes_proposals() const noexcept;
  /// The other members as a leader sees them, by id; empty elsewhere.
  [[nodiscard]] const std::vector<raft_peer>& peers() const noexcept {
    return peers_;
  }

  /// Equal cores answer equal inputs alike, but for the numbers of tickets.
  friend bool operator==(const raft_core&, const raft_core&) = default;

private:
  struct ballot {
    member_id voter;
    bool granted = false;
    friend bool operator==(const ballot&, const ballot&) = default;
  };
  struct handover {
    member_id to;
    int64_t until_ns = 0;
    friend bool operator==(const handover&, const handover&) = default;
  };
  /// What a step changed, until its effects are told.
  struct changes {
    bool vote = false;
    bool base = false;
    bool members = false;
    std::optional<entry_index> from;
    std::vector<effect> told;
    std::vector<raft_message> messages;
    friend bool operator==(const changes&, const changes&) { return true; }
  };

  // raft_core.cpp
  void take(tick&, int64_t now_ns);
  void take(received& what, int64_t now_ns);
  void take(propose& what, int64_t now_ns);
  void take(persisted& what, int64_t now_ns);
  void take(change& what, int64_t now_ns);
  void take(transfer& what, int64_t now_ns);
  void take(compacted& what, int64_t now_ns);
  void take(snapshot_installed& what, int64_t now_ns);
  void take(snapshot_offered& what, int64_t now_ns);
  void take(snapshot_sent& what, int64_t now_ns);
  void take(disk& what, int64_t) { disk_is_well_ = what.well; }
  void finish(std::vector<effect>& out);
  void tell(effect what) { changes_.told.push_back(std::move(what)); }
  void refuse(const member_id& from, refusal why);
  void say(const member_id& to, decltype(raft_message::body) body,
           std::optional<raft_term> term = std::nullopt);
  void append_entry(raft_entry entry);
  void cut_log(entry_index from);

  // raft_election.cpp
  void take(const raft_message& from, const raft_vote_request& what,
            int64_t now_ns);
  void take(const raft_message& from, const raft_vote_response& what,
            int64_t now_ns);
  void take(const raft_message& from, const raft_timeout_now&, int64_t now_ns);
  [[nodiscard]] bool changes_term(const raft_message& what,
                                  int64_t now_ns) const;
  [[nodiscard]] bool hears_leader(int64_t now_ns) const;
  [[nodiscard]] raft_place last_durable() const;
  [[nodiscard]] bool may_stand() const;
  void await_election(int64_t now_ns);
  void enter_term(raft_term term);
  void follow(std::optional<member_id> leader, int64_t now_ns);
  void ask_for_votes(bool pre, bool leader_wishes);
  void begin_pre_vote(int64_t now_ns);
  void stand(bool leader_wishes, int64_t now_ns);
  void count(const ballot& one, int64_t now_ns);

  // raft_following.cpp
  void take(const raft_message& from, raft_append_request what, int64_t now_ns);
  [[nodiscard]] bool well_formed(const raft_message& from,
                                 const raft_append_request& what) const;
  [[nodiscard]] bool forks(const raft_append_request& what) const;
  bool take_entries(const raft_message& from, raft_append_request& what);
  void acknowledge();

  // raft_leading.cpp
  void take(const raft_message& from, const raft_append_response& what,
            int64_t now_ns);
  void begin_to_lead(int64_t now_ns);
  void lead(int64_t now_ns);
  void advance_commit(int64_t now_ns);
  void send_to_all();
  void send_more(raft_peer& to);
  void send_heartbeat(raft_peer& to, int64_t now_ns);
  [[nodiscard]] bool is_stuck(const raft_peer& to, int64_t now_ns) const;
  bool send_append(raft_peer& to, uint64_t entries_max, bool notice = false);
  [[nodiscard]] raft_peer* peer(const member_id& id);

  // raft_changes.cpp
  [[nodiscard]] std::optional<reason> why_not(const member_change& what) const;
  void match_peers(int64_t now_ns);
  void settle_members(int64_t now_ns);
  [[nodiscard]] const raft_peer* furthest_voter(int64_t now_ns) const;
  void hand_over_when_ready();

  raft_options options_;
  raft_log log_;
  raft_durability durability_;
  raft_vote vote_;
  role_type role_ = role_type::follower;
  std::optional<member_id> leader_;
  entry_index committed_;       ///< As reported: durable here, too.
  entry_index group_committed_; ///< As known; may be ahead of what is durable.
  entry_index agreed_;       ///< Follower: up to here its log is the leader's.
  entry_index acknowledged_; ///< Follower: what the leader was told last.
  std::vector<ballot> ballots_;
  std::vector<raft_peer> peers_;
  entry_index term_begin_; ///< Leader: its first entry.
  std::optional<handover> handover_;
  bool disk_is_well_ = true;
  /// Messages that wait until term and vote are durable.
  std::vector<raft_message> held_back_;
  int64_t waits_since_ns_; ///< For a leader, or for votes.
  int64_t waits_ns_ = 0;
  /// Elections in a row in which nobody was elected while it stood.
  uint32_t stood_in_vain_ = 0;
  int64_t heartbeat_at_ns_ = 0;
  changes changes_;
};

} // namespace millrace::rt
