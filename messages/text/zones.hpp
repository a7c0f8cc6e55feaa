#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>

namespace date {
class time_zone;
} // namespace date

namespace millrace::text {

/// When the wall clock of a zone shows a time.
struct wall_instant {
  /// Since 2000.01.01 UTC. Of a time that comes twice (the clock was set back)
  /// the first instant, of one that is skipped (set forward) the change.
  int64_t utc_ns = 0;
  bool skipped = false;
  bool doubled = false;
  /// The offset from UTC that holds at `utc_ns` holds until here.
  int64_t until_ns = 0;
};

/// One zone of the system's time zone data base. Cheap to copy; any thread may
/// ask.
class time_zone {
public:
  /// `not_found` when the data base has no zone of that IANA name.
  [[nodiscard]] static result<time_zone> open(const std::string& name);

  /// @param wall_ns the wall clock's reading, ns since its 2000.01.01 00:00
  [[nodiscard]] wall_instant at(int64_t wall_ns) const;

private:
  explicit time_zone(const date::time_zone* zone) : zone_{zone} {}

  const date::time_zone* zone_;
};

} // namespace millrace::text
