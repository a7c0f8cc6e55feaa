#pragma once

#include <millrace/actors/rt/link/feeder.hpp>
#include <millrace/messages/data/progress_trace.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/node_id.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::rt {

/// A subscriber that a log is given to.
struct log_reading {
  feeder_actor source;
  std::shared_ptr<tail_credit> credit;
  caf::node_id process;                         ///< Where the subscriber runs.
  std::shared_ptr<const shared_position> taken; ///< As it acknowledged.
};

/// How a log grows that is given to others, in this life of the one that gives
/// it. One owner.
class log_growth {
public:
  /// @param end up to here nothing is counted
  explicit log_growth(position end = {}) : counted_end_{end} {}

  /// It has bytes up to there that it had not.
  void grew(position end);
  /// Time passed: comes several times per second.
  /// @param messages that the log has, counted from any begin; when it is a
  /// lower one, what was remembered is forgotten
  void note(int64_t now_ns, position end, uint64_t messages);

  [[nodiscard]] const progress_trace& trace() const noexcept { return trace_; }

private:
  progress_trace trace_;
  position counted_end_;
  uint64_t bytes_ = 0;
  uint64_t messages_ = 0; ///< As they were noted last.
};

/// How fast a log grows, and how far each subscriber is behind, the one that is
/// farthest behind first: "rate", "subscriber_lag", "connected", "progress".
void tell_growth(const log_growth& growth,
                 const std::vector<log_reading>& readers, int64_t now_ns,
                 text::json_value& into);

} // namespace millrace::rt
