#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/servers/postgres/statement.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// Parameters that are arrays, and numerics in their binary form.

namespace millrace::nodes::postgres {

/// The type of the elements of an array type; 0: it is none.
[[nodiscard]] uint32_t element_type(uint32_t type) noexcept;
/// The array type of such elements; 0: there is none.
[[nodiscard]] uint32_t array_type_of(uint32_t element) noexcept;

/// A binary array, as a text: '{"a","b c",NULL}'. `unsupported` for one of
/// several dimensions.
[[nodiscard]] result<std::string> array_text(std::string_view bytes,
                                             uint32_t type);

/// A binary numeric, as "-12.50". `invalid_argument` for one that is no number.
[[nodiscard]] result<std::string> numeric_text(std::string_view bytes);

} // namespace millrace::nodes::postgres
