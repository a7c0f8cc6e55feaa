#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/toml_document.hpp>

#include <string>
#include <string_view>
#include <vector>

// How commands change the text of a configuration: what they do not change
// stays as it was written.

namespace millrace::nodes {

/// Null when there is no such key.
[[nodiscard]] const text::toml_value* entry_of(const text::toml_value& table,
                                               std::string_view key);

/// Puts one more text first in the list `key` of each of these processes, of
/// which each is of `type`; those without the list stay as they are: they have
/// all. `not_found` and `invalid_argument` name the process.
/// @param root that the text was parsed to
[[nodiscard]] result<std::string>
add_to_lists(const std::string& text, const text::toml_value& root,
             std::vector<std::string> processes, std::string_view type,
             std::string_view key, const std::string& item);

} // namespace millrace::nodes
