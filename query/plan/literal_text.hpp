#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/query/plan/plan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::query {

/// A point in time as written. `is_date`: no time of day was given; `ns` is
/// then that date's midnight.
struct written_time {
  int64_t ns = 0; ///< Since 2000.01.01 UTC.
  bool is_date = false;
};

/// Values of an integer-like type that are not null, both included.
struct integer_range {
  int64_t low = 0;
  int64_t high = 0;
};
[[nodiscard]] integer_range range_of(column_type type) noexcept;

/// ISO 8601 ("2013-10-08", "2013-10-08T09:30:00.123456789", a blank instead of
/// T, a trailing Z or +hh:mm) or kdb+ ("2013.10.08", "2013.10.08D09:30"), with
/// up to nine digits of a second. `invalid_argument` says what is wrong where.
[[nodiscard]] result<written_time> parse_time(std::string_view text);

/// A constant for a column of `type` as it is written: a time in the forms
/// above or "09:30:00.123", "0D09:30:00", "2013-10", a decimal number, a uuid,
/// "inf" and "-inf" (or 0w, -0w, 0W, -0W), "" or "0N" for null; text of a
/// symbol or string is taken as it is. For a real it is rounded to a real.
[[nodiscard]] result<literal> parse_literal(std::string_view text,
                                            column_type type);

/// Appends a non-null integer-like value of `type` as people read it:
/// timestamps in ISO 8601 with nanoseconds and Z, timespans as
/// 0D09:30:00.000000000, infinities of temporal types as inf and -inf.
void append_integer(std::string& out, int64_t value, column_type type);

/// The shortest decimal that reads back as the same double; inf, -inf, nan.
void append_float(std::string& out, double value);
/// The same for a single-precision value.
void append_float(std::string& out, float value);

/// Text of a constant; symbols with a backtick, strings quoted.
[[nodiscard]] std::string to_text(const literal& value,
                                  std::optional<column_type> type);

/// `day_start` by the table's roll rule.
[[nodiscard]] result<int64_t> date_start(const table_schema& schema,
                                         int64_t day);

} // namespace millrace::query
