#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <string>
#include <string_view>

namespace millrace::nodes {

/// The payload of {"data": "text"} or {"hex": "00ff"}; `bad_data`. What `sub`
/// writes beside either is passed over, so that its lines can be published
/// again.
[[nodiscard]] result<std::string> payload_of(std::string_view line);

/// Adds a payload as "data": text, or as "hex": digits when it is not UTF-8.
void put_payload(text::json_value& line, std::string_view payload);
/// As "hex" whatever it is.
void put_hex(text::json_value& line, std::string_view payload);

} // namespace millrace::nodes
