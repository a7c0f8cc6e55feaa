#pragma once

#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace millrace::torq {

/// Whether an event says that rows may be missing or doubled.
[[nodiscard]] bool is_loss(const stream_event& event) noexcept;

/// What a stream lost on its way to the RDB, and where. Pure; one owner.
class loss_log {
public:
  /// Places that are kept apart; later ones are joined to the last.
  static constexpr size_t kept_max = 1000;

  /// @pre is_loss(event)
  void add(const stream_event& event);

  /// All that was added.
  [[nodiscard]] uint64_t count() const noexcept { return count_; }
  /// The newest, in words; empty: none.
  [[nodiscard]] const std::string& last() const noexcept { return last_; }
  /// Those that touch the rows in (from, to].
  [[nodiscard]] uint64_t count(position from, position to) const;
  /// The same in words, a line per place, ten at most and the number of others.
  [[nodiscard]] std::vector<std::string> lines(position from,
                                               position to) const;
  /// Rows up to there are asked for no more.
  void forget(position up_to);

private:
  struct place {
    position from;
    position to;
    uint64_t count = 0;
    std::string text; ///< Of the first.
    [[nodiscard]] bool touches(position lower, position upper) const noexcept {
      return to > lower && from <= upper;
    }
  };

  std::deque<place> places_;
  uint64_t count_ = 0;
  std::string last_;
};

} // namespace millrace::torq
