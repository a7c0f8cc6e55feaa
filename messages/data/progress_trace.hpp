#pragma once

#include <millrace/messages/data/position.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace {

/// How far behind the end of a stream a place in it is.
struct stream_lag {
  uint64_t bytes = 0;
  uint64_t messages = 0; ///< At most so many.
  /// Since when the stream is past it.
  int64_t time_ns = 0;
  /// The place comes before all that is remembered: it is more.
  bool at_least = false;
};

/// As `status` shows it.
[[nodiscard]] text::json_value to_json(const stream_lag& lag);

/// Where a stream ended, and when: a few places, close together in the last
/// seconds and far apart before that. One owner.
class progress_trace {
public:
  struct place {
    int64_t at_ns = 0; ///< Of a clock that does not jump.
    position end;
    uint64_t messages = 0; ///< That the stream has, counted from any begin.
    uint64_t bytes = 0;
  };
  static constexpr size_t places_max = 128;

  /// Later than those before it, and not before them.
  void add(const place& now);
  /// The newest place is now: it is moved, not added, within `interval_ns` of
  /// the one before.
  void move(const place& now, int64_t interval_ns);

  /// None: nothing is known yet.
  [[nodiscard]] std::optional<stream_lag> lag_of(position at,
                                                 int64_t now_ns) const;

  struct rates {
    uint64_t messages = 0; ///< Per second.
    uint64_t bytes = 0;
  };
  /// Over about so long; none: not known for so long.
  [[nodiscard]] std::optional<rates> rates_over(int64_t span_ns) const;

  /// Ages in ms, so that it can be read on a host with another clock.
  [[nodiscard]] text::json_value to_json(int64_t now_ns) const;
  /// What `to_json` told, its ages from a time of 0 on: ask for lags with that.
  [[nodiscard]] static progress_trace from_json(const text::json_value& told);

private:
  std::vector<place> places_; ///< The oldest first.
};

} // namespace millrace
