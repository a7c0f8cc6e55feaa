#pragma once

#include <string>
#include <string_view>

namespace millrace::text {

/// A basic string of TOML 1.0, with its quotes: whatever the text holds, it is
/// read as that text again. @pre the text is UTF-8
[[nodiscard]] std::string toml_string(std::string_view text);

} // namespace millrace::text
