#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

namespace millrace {

/// One integer that counts things of one kind: ordered, printed and hashed
/// like it, and never taken for a number of another kind.
template <class Id, std::integral Integer>
struct id_number {
  using integer = Integer;

  Integer value = 0;

  constexpr id_number() = default;
  constexpr explicit id_number(Integer number) noexcept : value{number} {}

  [[nodiscard]] constexpr Id next() const noexcept {
    return Id{static_cast<Integer>(value + 1)};
  }

  friend constexpr auto operator<=>(const id_number&, const id_number&)
    = default;
  [[nodiscard]] friend std::string to_string(const Id& id) {
    return Id::text_of(id.value);
  }
  [[nodiscard]] static std::string text_of(Integer number) {
    return std::to_string(number);
  }
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, Id& id) {
    return f(id.value);
  }
};

/// A flow of chunks, as its giver numbers them; messages of an earlier flow
/// are told apart by it. 0: none yet.
struct flow_id : id_number<flow_id, uint64_t> {
  using id_number::id_number;
};

/// One life of a publisher's directory, as its stream numbers them, from 1.
struct input_id : id_number<input_id, uint32_t> {
  using id_number::id_number;
};

/// A node's copy of an input, as the node numbers them, from 1.
struct copy_id : id_number<copy_id, uint32_t> {
  using id_number::id_number;
};

/// A place in what the group of a stream agreed on; the first entry has 1.
struct entry_index : id_number<entry_index, uint64_t> {
  using id_number::id_number;
};

/// A message of an origin, as its publisher numbers them: see `id_policy`.
struct message_id : id_number<message_id, int64_t> {
  using id_number::id_number;
};

/// A loss, as a node of a stream numbers those that it wrote down, from 1.
struct loss_number : id_number<loss_number, uint64_t> {
  using id_number::id_number;
};

/// A chunk of those that belong together, from 0.
struct chunk_number : id_number<chunk_number, uint64_t> {
  using id_number::id_number;
};

/// A byte of something, from 0: so many came before it.
struct byte_number : id_number<byte_number, uint64_t> {
  using id_number::id_number;
};

/// A session of a stream; 0: the next one, where the place says so.
struct session_number : id_number<session_number, uint64_t> {
  using id_number::id_number;
};

/// The sum of a record, as its header has it; 0: not known.
struct record_sum : id_number<record_sum, uint32_t> {
  using id_number::id_number;
};

/// Which founding of a group: of two, the higher one counts.
struct group_generation : id_number<group_generation, uint32_t> {
  using id_number::id_number;
};

/// A period: of date partitions, days since 2000.01.01.
struct period_id : id_number<period_id, int64_t> {
  using id_number::id_number;
  /// Before every period: no period has ended yet.
  [[nodiscard]] static constexpr period_id before_all() noexcept {
    return period_id{std::numeric_limits<int64_t>::min()};
  }
  /// "2024.01.02", as partitions are named; "no period" before all.
  [[nodiscard]] static std::string text_of(int64_t day);
};

/// A version of an HDB's manifest; 0: no partition yet, or the newest, as the
/// place says.
struct manifest_version : id_number<manifest_version, uint64_t> {
  using id_number::id_number;
};

/// An RT node among those that order a stream, by the name of its process; 0:
/// none.
struct node_id : id_number<node_id, uint64_t> {
  using id_number::id_number;
};

/// One life of a member's directory, drawn at random.
struct incarnation_id : id_number<incarnation_id, uint64_t> {
  using id_number::id_number;
};

/// Who takes part in a group: a node, in one life of its directory. A wiped
/// node draws another incarnation, and is another member: it never speaks for
/// what it has forgotten.
struct member_id {
  node_id node;
  incarnation_id incarnation;

  constexpr member_id() = default;
  constexpr member_id(node_id where, incarnation_id life) noexcept
    : node{where}, incarnation{life} {}
  constexpr member_id(uint64_t where, uint64_t life) noexcept
    : node{where}, incarnation{life} {}

  friend constexpr auto operator<=>(const member_id&, const member_id&)
    = default;
  /// "2.77": node 2, incarnation 77.
  [[nodiscard]] friend std::string to_string(const member_id& id) {
    return to_string(id.node) + "." + to_string(id.incarnation);
  }
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, member_id& x) {
    return f(x.node, x.incarnation);
  }
};

/// A group, by its founding: another one of the same nodes has another.
struct founding_id : id_number<founding_id, uint64_t> {
  using id_number::id_number;
};

/// A cluster, by its data: drawn when the first of it is written. 0: not known.
struct cluster_id : id_number<cluster_id, uint64_t> {
  using id_number::id_number;
};
/// Of one whose directory has no data yet: every cluster that has some is a
/// stranger.
inline constexpr cluster_id unfounded_cluster{UINT64_MAX};

} // namespace millrace

template <class Id>
requires std::derived_from<Id, millrace::id_number<Id, typename Id::integer>>
struct std::hash<Id> {
  size_t operator()(const Id& id) const noexcept {
    return std::hash<typename Id::integer>{}(id.value);
  }
};
