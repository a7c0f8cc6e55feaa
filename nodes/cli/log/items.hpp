#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

// How messages and events of a log are told, for programs and for people.

/// @param bytes_max of its payload are shown
[[nodiscard]] text::json_value
item_json(const persistence::log_message& message, uint32_t bytes_max);
[[nodiscard]] text::json_value item_json(const stream_event& event);

/// The same as a line of a table, without its end.
[[nodiscard]] std::string item_line(const persistence::log_message& message,
                                    uint32_t bytes_max);
[[nodiscard]] std::string item_line(const stream_event& event);
/// The line that names the columns.
[[nodiscard]] std::string item_head();

} // namespace millrace::nodes
