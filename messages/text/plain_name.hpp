#pragma once

#include <string_view>

namespace millrace::text {

/// A name that may become the name of a directory, wherever it comes from: 1 to
/// 64 ASCII letters, digits, '_', '-' and '.', not led by '-' or '.'.
[[nodiscard]] bool is_plain_name(std::string_view text) noexcept;

/// The same without '.': the first part of a name of two.
[[nodiscard]] bool is_undotted_name(std::string_view text) noexcept;

} // namespace millrace::text
