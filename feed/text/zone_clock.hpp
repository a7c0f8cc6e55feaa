#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/zones.hpp>

#include <cstdint>
#include <string>

namespace millrace::feed {

/// Turns wall times of one zone into UTC. Looks the zone's rules up once per
/// date; only on a date with a change of offset every time is looked up.
/// Owner: one thread; copies are independent.
class zone_clock {
public:
  /// `not_found` when there is no such IANA zone.
  static result<zone_clock> open(const std::string& zone);

  /// @param day days since 2000.01.01
  /// @param ns_of_day wall clock reading, in [0, 24 h)
  /// @param utc ns since 2000.01.01 UTC. A reading that comes twice (the clock
  ///   was set back) is the earlier one.
  /// @returns false when the wall clock never showed this (set forward).
  bool to_utc(int32_t day, int64_t ns_of_day, int64_t& utc) {
    if (day != day_)
      load(day);
    if (uniform_) [[likely]] {
      utc = midnight_ + ns_of_day;
      return true;
    }
    return look_up(day, ns_of_day, utc);
  }

  /// Whether all of `day` has one offset; then UTC is `midnight(day)` plus the
  /// time of day.
  bool uniform(int32_t day) {
    if (day != day_)
      load(day);
    return uniform_;
  }
  int64_t midnight(int32_t day) {
    if (day != day_)
      load(day);
    return midnight_;
  }

private:
  explicit zone_clock(text::time_zone zone) : zone_{zone} {}
  void load(int32_t day);
  [[nodiscard]] bool look_up(int32_t day, int64_t ns_of_day,
                             int64_t& utc) const;

  text::time_zone zone_;
  int32_t day_ = null_int;
  bool uniform_ = false;
  int64_t midnight_ = 0;
};

} // namespace millrace::feed
