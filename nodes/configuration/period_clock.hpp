#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>

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

/// One period, and its end, ns since 2000.01.01 UTC.
struct period_end {
  period_id period;
  int64_t end_ns = 0;

  friend bool operator==(const period_end&, const period_end&) = default;
};

/// True for a name of the time zone database.
[[nodiscard]] bool is_time_zone(const std::string& zone);

/// The first period that ends after `now_ns`. Pure.
[[nodiscard]] result<period_end> next_period_end(const period_rule& rule,
                                                 int64_t now_ns);

} // namespace millrace::nodes
