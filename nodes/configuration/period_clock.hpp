#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// When the periods of a cluster end: each day at a local time of day. A period
/// that ends before noon is named by the day before (midnight ends yesterday),
/// one that ends at noon or later by the day it ends on (17:00 ends today).
struct period_rule {
  std::string zone = "UTC";   ///< IANA name.
  int64_t time_of_day_ns = 0; ///< Since local midnight, 0 to one day.

  /// Where a date begins, from its local midnight, in (-12 h, 12 h): the
  /// `roll_offset_ns` of tables that roll with the period.
  [[nodiscard]] int64_t roll_offset_ns() const noexcept;

  friend bool operator==(const period_rule&, const period_rule&) = default;
};

/// One period: days since 2000.01.01, and its end, ns since 2000.01.01 UTC.
struct period_end {
  int64_t period = 0;
  int64_t end_ns = 0;

  friend bool operator==(const period_end&, const period_end&) = default;
};

/// True for a name of the time zone database.
[[nodiscard]] bool is_time_zone(const std::string& zone);

/// The first instant at which the local clock of `zone` shows `date` (days
/// since 2000.01.01) plus `offset_ns`, or later: a time that a change to
/// summer time skips becomes the instant of the change, one that comes twice
/// its first time. `invalid_argument` for an unknown zone, or a date outside
/// the years 1970 to 2261.
[[nodiscard]] result<int64_t> date_begin_ns(const std::string& zone,
                                            int64_t offset_ns, int64_t date);

/// The date that contains an instant: the latest that has begun.
[[nodiscard]] result<int64_t> date_of_ns(const std::string& zone,
                                         int64_t offset_ns, int64_t at_ns);

/// The first period that ends after `now_ns`. Pure.
[[nodiscard]] result<period_end> next_period_end(const period_rule& rule,
                                                 int64_t now_ns);

} // namespace millrace::nodes
