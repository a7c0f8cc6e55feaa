#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::query {

/// First instant (ns since 2000.01.01 UTC) of date `day` (days since
/// 2000.01.01) of a table whose dates begin in `zone` at midnight plus
/// `offset_ns`, on the wall clock there. An instant that a clock change skips
/// counts as the change itself; one that comes twice counts the first time.
/// The ends of 64 bits stand for what lies beyond them. `invalid_argument` when
/// the zone is unknown.
[[nodiscard]] result<int64_t> day_start(std::string_view zone,
                                        int64_t offset_ns, int64_t day);

/// A date of a table: [begin, end).
struct day_span {
  int64_t day = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

/// Finds the date that a time falls into. Remembers the last: times come in
/// order, nearly. Owner: one thread.
class day_finder {
public:
  /// @pre day_start knows the zone
  day_finder(std::string zone, int64_t offset_ns)
    : zone_{std::move(zone)}, offset_ns_{offset_ns} {}

  /// @pre `ns` is not null. The infinities are dates of their own, inf_int and
  /// -inf_int.
  [[nodiscard]] const day_span& find(int64_t ns);
  /// Where date `day` begins.
  [[nodiscard]] int64_t begin_of(int64_t day) const;

private:
  std::string zone_;
  int64_t offset_ns_;
  day_span last_;
};

} // namespace millrace::query
