#pragma once

#include <millrace/nodes/servers/kdb/request.hpp>

#include <span>
#include <string_view>

namespace millrace::nodes::kdb {

/// Whether the door has a function or a variable of this name.
[[nodiscard]] bool is_verb(std::string_view name);
/// @pre is_verb(name)
[[nodiscard]] result<undertaking> call_verb(std::string_view name,
                                            std::span<const value> arguments,
                                            const request_setting& with);

} // namespace millrace::nodes::kdb
