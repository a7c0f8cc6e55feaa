#pragma once

#include <millrace/actors/rt/raft/raft_members.hpp>
#include <millrace/messages/data/chunk.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace millrace::rt {

enum class raft_entry_kind : uint8_t {
  unknown = 0,
  no_op = 1,         ///< The first entry of a leader; commits those before it.
  payload = 2,       ///< Opaque bytes of whom the group serves.
  configuration = 3, ///< The members from here on.
};

/// What stands at one index of a group's log.
struct raft_entry {
  raft_term term;
  raft_entry_kind kind = raft_entry_kind::no_op;
  chunk payload{};              ///< Of kind payload.
  raft_configuration members{}; ///< Of kind configuration.

  /// What it counts in limits: its payload, and an allowance for the rest.
  [[nodiscard]] uint64_t bytes() const noexcept {
    return payload.size() + 32 + members.members().size() * sizeof(raft_member);
  }
  /// Of its kind and payload, by which two members tell whether they have the
  /// same entry of one index and term: they have, unless one of them gave two
  /// votes in a term, as an older copy of a disk does. Never 0.
  [[nodiscard]] uint64_t sum() const noexcept;
  friend bool operator==(const raft_entry& a, const raft_entry& b) noexcept;
};

/// A place in a log: an index, and the term of the entry there.
struct raft_place {
  entry_index index;
  raft_term term;

  /// Which of two logs that end there is the better one.
  friend auto operator<=>(const raft_place& a, const raft_place& b) noexcept {
    const auto terms = a.term <=> b.term;
    return terms != 0 ? terms : a.index <=> b.index;
  }
  friend bool operator==(const raft_place&, const raft_place&) = default;
};

/// Where a log begins: everything up to `at` is in a snapshot. At index 0: the
/// members that a group was founded with, or none in a node that joins one.
struct raft_base {
  raft_place at;
  raft_configuration members;
  friend bool operator==(const raft_base&, const raft_base&) = default;
};

/// A group's log as one member has it: its base, and the entries after it, all
/// in memory. One owner.
class raft_log {
public:
  raft_log(raft_base base, std::vector<raft_entry> entries);

  [[nodiscard]] const raft_base& base() const noexcept { return base_; }
  [[nodiscard]] entry_index last_index() const noexcept {
    return entry_index{base_.at.index.value + entries_.size()};
  }
  [[nodiscard]] raft_place last() const noexcept { return place(last_index()); }
  /// The term at `index`; none before the base and after the end.
  [[nodiscard]] std::optional<raft_term>
  term_at(entry_index index) const noexcept;
  /// The sum of the entry at `index`; 0 where there is none, or no more.
  [[nodiscard]] uint64_t sum_at(entry_index index) const noexcept;
  /// @pre base <= index <= last_index.
  [[nodiscard]] raft_place place(entry_index index) const noexcept;
  /// @pre base < index <= last_index. Valid until the log changes.
  [[nodiscard]] const raft_entry& at(entry_index index) const noexcept;
  /// Copies [from, last_index].
  [[nodiscard]] std::vector<raft_entry> from(entry_index from) const;

  /// The last place up to `index` that has at most this term, or the base.
  [[nodiscard]] raft_place last_at_most(entry_index index,
                                        raft_term term) const noexcept;

  /// The members as the newest entry that names them says, be it committed or
  /// not, and the index of that entry.
  [[nodiscard]] const raft_configuration& members() const noexcept;
  [[nodiscard]] entry_index members_index() const noexcept;
  /// The members as of an earlier index. @pre base <= index.
  [[nodiscard]] const raft_configuration&
  members_at(entry_index index) const noexcept;

  /// Bytes of the entries after `index`, as limits count them.
  [[nodiscard]] uint64_t bytes_after(entry_index index) const noexcept;

  void append(raft_entry entry);
  /// Removes the entries from `from` on. @pre base < from.
  void cut(entry_index from);
  /// Lets go of the entries up to `index`, which becomes the base.
  /// @pre base <= index <= last_index.
  void compact(entry_index index);
  /// Begins anew at `base`, without entries.
  void restart(raft_base base);

  friend bool operator==(const raft_log&, const raft_log&) = default;

private:
  struct held {
    raft_entry entry;
    uint64_t bytes_end = 0; ///< Bytes of all entries so far, this one included.
    friend bool operator==(const held& a, const held& b) {
      return a.entry == b.entry;
    }
  };

  raft_base base_;
  std::deque<held> entries_;
  std::vector<entry_index> configurations_; ///< Their indexes, after the base.
};

} // namespace millrace::rt
