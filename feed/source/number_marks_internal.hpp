#pragma once

#include <millrace/feed/source/guessed_column_internal.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// Numbers with marks that programs do not write: "1,234.50", "1.234,5", "0,5",
/// "1'234.5", "1 234,5". @returns false: they are none
/// @param rather_groups a comma that can be both stands between thousands
bool guess_marks(const std::vector<std::string_view>& values,
                 bool rather_groups, guessed_column& out);

/// The marks of one file are the same in all of its columns: what one shows
/// holds for those that could be read in two ways.
/// @param rows the values, as many in each as there are columns
/// @param amounts whose names say a price or an amount
void settle_marks(std::vector<guessed_column>& columns,
                  const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& amounts, char delimiter);

/// Whole numbers of which some have an exponent without a sign: programs write
/// 1e+05, so that they may be codes with an E, and are such where a zero stands
/// before other digits.
enum class exponents { none, likely, codes };
[[nodiscard]] exponents
find_exponents(const std::vector<std::string_view>& values);

/// What makes texts of numbers: "a percent sign, which no rule of a layout
/// takes off" and so on; empty: they are no numbers.
[[nodiscard]] std::string
mark_of_numbers(const std::vector<std::string_view>& values);

} // namespace millrace::feed
