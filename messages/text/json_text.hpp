#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::text {

/// Appends `text` as a JSON string; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Arrays and objects within each other that are read at most: people write a
/// handful, and a document is walked by recursion.
inline constexpr size_t json_depth_max = 256;

/// Reads one JSON document, keys in the order of the text. `bad_data` says
/// what is wrong where; a key that an object has twice is
/// "key 'a.b' appears twice".
[[nodiscard]] result<json_value> parse_json(std::string_view text);

/// The same, but repeated keys (as paths, "a.b") are put into `repeated` and
/// keep their last value, for a reader with words of its own for them.
[[nodiscard]] result<json_value> parse_json(std::string_view text,
                                            std::vector<std::string>& repeated);

} // namespace millrace::text
