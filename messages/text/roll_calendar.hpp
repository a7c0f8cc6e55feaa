#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/zones.hpp>

#include <cstdint>
#include <string>

namespace millrace::text {

/// "UTC", "America/New_York - 07:00:00": such a rule in words; two rules have
/// the same when they are the same.
[[nodiscard]] std::string roll_text(const std::string& zone, int64_t offset_ns);

/// The dates of a zone that begin at an offset from local midnight. One owner:
/// it remembers the date of the last instant.
class roll_calendar {
public:
  /// 1970.01.01 and 2261.12.31, where nanoseconds in 64 bits still fit and
  /// zones are known.
  static constexpr int64_t date_min = -10'957;
  static constexpr int64_t date_max = 95'694;

  /// `not_found` when the data base has no such zone.
  [[nodiscard]] static result<roll_calendar> open(const std::string& zone,
                                                  int64_t offset_ns);

  /// The first instant at which the local clock shows `date` (days since
  /// 2000.01.01) plus the offset, or later: a time that a change to summer time
  /// skips becomes the instant of the change, one that comes twice its first
  /// time.
  /// @pre date_min <= date <= date_max
  [[nodiscard]] int64_t begin_of(int64_t date) const;

  /// The date that contains an instant (ns since 2000.01.01 UTC): the latest
  /// that has begun. Outside the years above as if the zone were UTC.
  [[nodiscard]] int64_t date_of(int64_t at_ns);

private:
  roll_calendar(time_zone zone, int64_t offset_ns)
    : zone_{zone}, offset_ns_{offset_ns} {}

  time_zone zone_;
  int64_t offset_ns_;
  int64_t date_ = 0;
  int64_t begin_ns_ = 0; ///< Of date_; with end_ns_: none is known.
  int64_t end_ns_ = 0;
};

} // namespace millrace::text
