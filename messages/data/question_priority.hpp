#pragma once

#include <millrace/messages/base/name_table.hpp>

#include <cstdint>

namespace millrace {

/// How much of the threads a question gets where others want them, too. In
/// ascending order.
enum class question_priority : uint8_t {
  low,
  normal,
  high,
};

inline constexpr name_table<question_priority, 3> question_priority_names{{
  {question_priority::low, "low"},
  {question_priority::normal, "normal"},
  {question_priority::high, "high"},
}};

/// Its share of the threads, beside others.
[[nodiscard]] constexpr uint32_t weight_of(question_priority priority) {
  switch (priority) {
    case question_priority::low:
      return 1;
    case question_priority::normal:
      return 4;
    case question_priority::high:
      return 16;
  }
  return 4;
}

} // namespace millrace
