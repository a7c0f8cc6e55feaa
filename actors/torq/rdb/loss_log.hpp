#pragma once

#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::torq {

/// Whether an event says that rows may be missing or doubled.
[[nodiscard]] bool is_loss(const stream_event& event) noexcept;

/// What is not among the rows of the RDB, and where: what its stream lost, or
/// what fits no table. Pure; one owner.
class loss_log {
public:
  /// Places that are kept apart; later ones are joined to the last.
  static constexpr size_t kept_max = 1000;

  /// @pre is_loss(event)
  void add(const stream_event& event);
  void add(persistence::hdb_loss what);

  /// All that was added.
  [[nodiscard]] uint64_t count() const noexcept { return count_; }
  /// The newest, in words; empty: none.
  [[nodiscard]] const std::string& last() const noexcept { return last_; }
  /// Those that touch the rows in (from, to].
  [[nodiscard]] uint64_t count(position from, position to) const;
  /// The same, without the stream's name; those of the same words as one.
  /// @param table those of other tables are left out; empty: none are
  [[nodiscard]] std::vector<persistence::hdb_loss>
  places(position from, position to, std::string_view table = {}) const;
  /// Rows up to there are asked for no more.
  void forget(position up_to);

private:
  std::deque<persistence::hdb_loss> places_;
  uint64_t count_ = 0;
  std::string last_;
};

} // namespace millrace::torq
