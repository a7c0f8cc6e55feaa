#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string_view>

namespace millrace::query::sql {

/// What is wrong, and where: "line <n>, column <m>: <what>". Columns count
/// characters.
/// @param at an offset of a byte in `text`
[[nodiscard]] error fault_at(std::string_view text, uint32_t at, errc code,
                             std::string_view what);

} // namespace millrace::query::sql
