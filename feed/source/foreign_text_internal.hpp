#pragma once

#include <string>
#include <string_view>

namespace millrace::feed {

/// What a file of another kind is, by its first bytes, and what makes text of
/// it; empty: it may be text.
/// @param whole nothing follows `head`
[[nodiscard]] std::string foreign_kind(std::string_view head, bool whole);

} // namespace millrace::feed
