#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/types.hpp>
#include <millrace/query/plan/expression.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::query::qsql {

/// The letter of a type, as `meta` tells it: 'j'; of texts 'C'.
[[nodiscard]] char letter_of(column_type type) noexcept;

/// A constant as it is written in q. A text, "abc", is one value of type
/// string; "a" is a char.
struct constant {
  column_type type = column_type::long_;
  bool is_list = false; ///< Of several values, also when there is one or none.
  std::vector<literal> values;
  friend bool operator==(const constant&, const constant&) = default;
};

/// One number or time of a list: what stands between two blanks.
struct written_number {
  column_type type = column_type::long_;
  bool has_type = false; ///< A letter at its end, or its form, says the type.
  bool is_bits = false;  ///< Several booleans or bytes: "101b", "0x0a0b".
  std::vector<literal> values;
};

/// Reads "5", "-1.5e3", "0x1f", "101b", "0Nj", "-0w", "2024.05.02D09:30",
/// "0D00:05", "09:30:00.123", ... A datetime is read as a timestamp.
/// `invalid_argument` says what is wrong, without the word itself.
[[nodiscard]] result<written_number> scan_number(std::string_view word);

/// Makes one constant of the numbers of a list: the type of the last one
/// holds for those that have none, whole numbers beside floats are floats.
[[nodiscard]] result<constant> join_numbers(std::vector<written_number> words);

/// Whether a text is a date as others write it, "2013-10-08": q subtracts.
[[nodiscard]] bool looks_like_date(std::string_view text) noexcept;

} // namespace millrace::query::qsql
