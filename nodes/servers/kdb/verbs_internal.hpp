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
/// What a call comes to whose arguments are wrong: the failure, or the message
/// that tells of it to a client that waits for one.
/// @pre is_verb(name)
[[nodiscard]] result<undertaking> failed_call(std::string_view name, error why);

} // namespace millrace::nodes::kdb
