#pragma once

#include <millrace/feed/source/guessed_name_internal.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Counts of a day are in guessed_clock.cpp.

namespace millrace::feed {

/// What the values of one field look like.
struct guessed_column {
  enum class kind {
    text,
    boolean,
    whole,
    decimal,
    stamp,
    date,
    month,
    clock,
    span, ///< As a clock has them, but negative, over 24 h, or infinite.
  };
  kind is = kind::text;
  std::string format;         ///< Of times; empty: iso.
  bool zoned = false;         ///< Its times say their offset, or are counts.
  bool either_day = false;    ///< Day and month could be the other way round.
  bool null_words = false;    ///< Some values are words for none.
  char group = '\0';          ///< What stands between thousands; none: '\0'.
  bool decimal_comma = false; ///< The mark of decimals is a comma.
  bool either_mark = false;   ///< Its comma, or point, could be the other one.
  bool two_marks = false;     ///< Texts, for numbers of others have a point.
  bool comma_lists = false;   ///< The same, for they may be lists of codes.
  /// Nothing shows that what stands between its digits is of thousands.
  bool open_group = false;
  bool some_empty = false; ///< Beside values.
  bool exponents = false;  ///< Texts, which may be digits with an exponent.
  bool few_values = false; ///< Texts come again: a symbol.
  bool empty = false;      ///< There is no value.
  /// What stands beside the digits of its texts, which are numbers but for it,
  /// and whether a rule reads that; empty: they are none.
  std::string marked;
};

/// Words for no value.
[[nodiscard]] const std::vector<std::string>& words_for_none();

/// @param values of one field, as they stand
/// @param name of the field; empty: none
/// @param rather_groups a comma that can be both stands between thousands
[[nodiscard]] guessed_column
guess_column(const std::vector<std::string_view>& values, std::string_view name,
             bool rather_groups);

/// A time or a date.
[[nodiscard]] bool is_of_time(const guessed_column& column);

/// The time that nine of ten values are, where the name says one, and the
/// others are none or of another unit. None: they are no such times.
[[nodiscard]] std::optional<guessed_column>
guess_mostly_time(const std::vector<std::string_view>& values,
                  std::string_view name);

/// What numbers beside a date may count of its day.
struct guessed_clock {
  std::string format;    ///< "s_of_day" and so on, or "%H%M".
  std::string or_digits; ///< "hhmmss" and so on, where they read as such too.
  bool sure = false;     ///< Nothing else is likely.
};
/// None when they count no part of a day, or begin and end within its first
/// hour. @param values of one field @param name of the field
[[nodiscard]] std::optional<guessed_clock>
guess_clock(const std::vector<std::string_view>& values, std::string_view name);

} // namespace millrace::feed
