#pragma once

#include <string_view>

namespace millrace::query {

/// Whether all of `text` matches a q pattern: `?` one character, `*` any run,
/// `[abc]` and `[a-c]` one of a set, `[^abc]` one not of it. Case counts. A
/// class that is never closed matches nothing.
[[nodiscard]] bool like(std::string_view text,
                        std::string_view pattern) noexcept;

} // namespace millrace::query
