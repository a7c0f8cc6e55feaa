#pragma once

#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/feed/source/layout_head_internal.hpp>
#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// Which fields say the time of a row.
struct guessed_time {
  size_t time = 0;
  std::optional<size_t> date; ///< Joined with it.
  std::vector<std::string> questions;
};

/// @param columns of the head's fields; numbers that count the day become a
///   clock
/// @returns `bad_data` when no field looks like a time
[[nodiscard]] result<guessed_time>
guess_time_fields(const layout_head& head,
                  std::vector<guessed_column>& columns);

/// The form of a date and a time of day that stand in two fields.
[[nodiscard]] std::string
joined_format(const layout_head& head,
              const std::vector<guessed_column>& columns, size_t date,
              size_t time);

/// As a layout names a field, and two.
[[nodiscard]] std::string place_of(const layout_head& head, size_t field);
[[nodiscard]] std::string joined_place(const layout_head& head, size_t one,
                                       size_t other);

/// Of one field, as they stand.
[[nodiscard]] std::vector<std::string_view> values_of(const layout_head& head,
                                                      size_t field);

} // namespace millrace::feed
