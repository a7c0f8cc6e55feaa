#pragma once

#include <millrace/messages/data/ids.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// A number of elections that a group has held; the first leader has 1.
struct raft_term : id_number<raft_term, uint64_t> {
  using id_number::id_number;
};

struct raft_member {
  member_id id;
  bool votes = false; ///< A voter; otherwise a learner.
  friend bool operator==(const raft_member&, const raft_member&) = default;
};

/// One change of a group's members. Voters change one at a time, so that each
/// majority before shares a member with each majority after.
struct member_change {
  enum class kind_type : uint8_t {
    add_learner, ///< Receives everything; counts for nothing.
    promote,     ///< The learner becomes a voter.
    remove,      ///< Voter or learner.
  };
  kind_type kind = kind_type::add_learner;
  member_id member;
  friend bool operator==(const member_change&, const member_change&) = default;
};

/// The members of a group, ordered by id. Empty: not known yet.
class raft_configuration {
public:
  raft_configuration() = default;
  /// @pre no id stands there twice.
  explicit raft_configuration(std::vector<raft_member> members);

  [[nodiscard]] const std::vector<raft_member>& members() const noexcept {
    return members_;
  }
  [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
  [[nodiscard]] bool contains(const member_id& id) const noexcept {
    return find(id) != nullptr;
  }
  [[nodiscard]] bool votes(const member_id& id) const noexcept;
  [[nodiscard]] size_t voter_count() const noexcept;
  /// How many voters are a majority.
  [[nodiscard]] size_t majority() const noexcept {
    return voter_count() / 2 + 1;
  }
  /// `id` is the only voter.
  [[nodiscard]] bool is_alone(const member_id& id) const noexcept {
    return voter_count() == 1 && votes(id);
  }

  /// The configuration after `change`; none when it makes no sense: adds or
  /// promotes what is one already, promotes or removes what is not a member,
  /// removes the last voter, gives a node two votes.
  [[nodiscard]] std::optional<raft_configuration>
  after(const member_change& change) const;

  friend bool operator==(const raft_configuration&, const raft_configuration&)
    = default;

private:
  [[nodiscard]] const raft_member* find(const member_id& id) const noexcept;

  std::vector<raft_member> members_;
};

/// How a group began: its first members, and how often an operator has made a
/// new group of what another one had left.
struct group_founding {
  raft_configuration members;
  group_generation generation;

  [[nodiscard]] bool empty() const noexcept { return members.empty(); }
  friend bool operator==(const group_founding&, const group_founding&)
    = default;
};

/// The next step on the way from `leaving` to `joining`, as far as `members`
/// has come; none when it is done. A leader that takes over goes on with it.
/// A node under another incarnation has lost the earlier one, whose vote is
/// removed before the new one counts, so that fewer must answer in between.
/// Another node is promoted first, so that a group of one can move.
[[nodiscard]] std::optional<member_change>
next_replacement_step(const raft_configuration& members,
                      const member_id& leaving, const member_id& joining);

} // namespace millrace::rt
