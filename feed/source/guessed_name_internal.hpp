#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the names of fields say of their values.

namespace millrace::feed {

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
/// Whether it is of a price, of an amount that is no price, or of a code.
/// Prices are no whole numbers, though the first ones may be.
[[nodiscard]] bool says_price(std::string_view name);
[[nodiscard]] bool says_quantity(std::string_view name);
[[nodiscard]] bool says_code(std::string_view name);
/// Whether it is of a price, an amount, a code or what else counts no day.
[[nodiscard]] bool says_other_number(std::string_view name);

/// "Ask Price 1" as ask_price_1: what a column may be called whose field has
/// this name. @param number of the field, from 0
[[nodiscard]] std::string column_name(std::string_view from, size_t number);

} // namespace millrace::feed
