#pragma once

#include <millrace/messages/data/types.hpp>

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
  /// Its numbers have one mark and three digits behind it each.
  bool one_group = false;
  bool exponents = false;  ///< Texts, which may be digits with an exponent.
  bool few_values = false; ///< Texts come again: a symbol.
  bool empty = false;      ///< There is no value.
  /// What stands beside the digits of its texts, which are numbers but for it;
  /// empty: they are none.
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

/// The words of a name in small letters: "firstUpdate_id" has three.
[[nodiscard]] std::vector<std::string> words_of(std::string_view name);
/// Whether a name is that of a time or a date.
[[nodiscard]] bool says_time(std::string_view name);

/// How plainly a name is that of what is traded: 0 most.
struct named_instrument {
  size_t rank = 0;
  bool sure = false; ///< It is, whatever the values look like.
};
[[nodiscard]] std::optional<named_instrument>
instrument_of(std::string_view name);

/// Whether a name says in which zone its times are, that they are of some
/// clock beside the exchange's, or that it is of a time of day.
[[nodiscard]] bool says_utc(std::string_view name);
[[nodiscard]] bool says_local(std::string_view name);
[[nodiscard]] bool may_be_clock(std::string_view name);
/// Whether it is of a day that is another one than the row's.
[[nodiscard]] bool says_other_day(std::string_view name);
/// Whether it is of a price, an amount, a code or what else counts no day.
[[nodiscard]] bool says_other_number(std::string_view name);

/// "Ask Price 1" as ask_price_1: what a column may be called whose field has
/// this name. @param number of the field, from 0
[[nodiscard]] std::string column_name(std::string_view from, size_t number);

} // namespace millrace::feed
