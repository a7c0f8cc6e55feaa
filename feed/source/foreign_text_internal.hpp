#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::feed {

/// How many first bytes tell each kind that has a mark.
inline constexpr size_t foreign_mark_bytes = 262;

/// What a file of another kind is, by its first bytes, and what makes text of
/// it; empty: it may be text.
/// @param whole nothing follows `head`
[[nodiscard]] std::string foreign_kind(std::string_view head, bool whole);

} // namespace millrace::feed
