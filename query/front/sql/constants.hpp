#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/plan/expression.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::query::sql {

/// A span of time as PostgreSQL writes it: whole months, and the rest in ns.
struct written_interval {
  int64_t months = 0;
  int64_t ns = 0;
  friend bool operator==(const written_interval&, const written_interval&)
    = default;
};

/// "5 minutes", "1 day 02:00:00", "1h30m", "1.5 hours", "-00:00:01.5", "1 mon".
/// `m` is a minute; a day has 24 hours. `invalid_argument` without a place.
[[nodiscard]] result<written_interval> parse_interval(std::string_view text);

/// A width of SAMPLE BY or TOLERANCE: a number and n, U, T, s, m, h, d, w, M
/// or y (ns, us, ms, ..., M months); or as `parse_interval`.
[[nodiscard]] result<written_interval> parse_width(std::string_view text);

/// [first, last] ns of "2024", "2024-05", "2024-05-02", "2024-05-02T14",
/// "2024-05-02T14:30" or "2024-05-02T14:30:15".
[[nodiscard]] result<std::pair<int64_t, int64_t>>
parse_time_interval(std::string_view text);

/// A text in quotes as a value of a column's type; an empty one is refused.
/// `invalid_argument` without a place.
[[nodiscard]] result<literal> parse_constant(std::string_view text,
                                             column_type type);

/// '{a,"b c",NULL}': the elements of an array of one dimension, none for a
/// null. `invalid_argument` without a place.
[[nodiscard]] result<std::vector<std::optional<std::string>>>
parse_array(std::string_view text);

/// A pattern of LIKE as one of q: % is *, _ is ?, what q takes for special is
/// put between brackets. `invalid_argument` for a pattern that ends with its
/// escape.
/// @param escape 0: none
[[nodiscard]] result<std::string> like_pattern_of(std::string_view pattern,
                                                  char escape, bool any_case);

} // namespace millrace::query::sql
