#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/ids.hpp>

#include <cstdint>
#include <optional>
#include <variant>

namespace millrace::torq {

/// When a feed publishes on, when it waits, when it has its stream end a
/// period, and when it is over. Knows no actor and no clock: each step takes
/// what happened and the time (monotonic, ns), and returns what is to be done.
/// One owner.
class feed_course {
public:
  static constexpr int64_t retry_period_ns = 500'000'000;

  // -- what happens -----------------------------------------------------------

  struct tick {
    /// It is known where the source was left, or that it does not matter.
    bool resumable = false;
    /// Everything published is ordered by RT.
    bool all_merged = false;
  };
  /// A slice was published.
  struct slice_done {
    bool at_end = false; ///< Of the source.
    int64_t due_ns = 0;  ///< When to go on; 0: at once.
    /// The rows to come are of a later period than this one.
    std::optional<period_id> period_over{};
    error fault{};
  };
  /// What the stream said to the end of the period.
  struct period_ended {
    error fault{};
  };
  using input = std::variant<tick, slice_done, period_ended>;

  // -- what is to be done -----------------------------------------------------

  struct effects {
    bool publish_slice = false; ///< Says `slice_done`.
    /// Have the stream end it; says `period_ended`.
    std::optional<period_id> to_end{};
    bool over = false; ///< Told once.
    error fault{};     ///< Why it is over; none: its last row is merged.
    friend bool operator==(const effects&, const effects&) = default;
  };

  [[nodiscard]] effects step(const input& what, int64_t now_ns);

  [[nodiscard]] bool is_over() const noexcept { return over_; }
  /// Rows wait until this period has ended.
  [[nodiscard]] const std::optional<period_id>& ending() const noexcept {
    return ending_;
  }
  /// Why the period could not be ended, which is tried again; of one that is
  /// over, why it failed.
  [[nodiscard]] const error& last_failure() const noexcept {
    return last_failure_;
  }

private:
  void on(const tick& what, int64_t now, effects& out);
  void on(const slice_done& what, int64_t now, effects& out);
  void on(const period_ended& what, int64_t now, effects& out);
  void finish(const error& fault, effects& out);

  std::optional<period_id> ending_;
  bool ending_asked_ = false;
  bool publishing_ = false;
  bool exhausted_ = false;
  bool over_ = false;
  int64_t due_ns_ = 0;
  error last_failure_;
};

} // namespace millrace::torq
