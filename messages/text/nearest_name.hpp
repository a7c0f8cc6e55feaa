#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::text {

/// The one of `known` that was most likely meant by `name`: the fewest letters
/// are missing, added, changed or swapped with their neighbour, and no more
/// than a third of them; the earlier one of equals. Empty: none is that near.
/// Upper and lower case count as the same.
[[nodiscard]] std::string nearest_name(std::string_view name,
                                       const std::vector<std::string>& known);

/// "; did you mean 'status'?", or nothing.
[[nodiscard]] std::string meant(std::string_view name,
                                const std::vector<std::string>& known);

} // namespace millrace::text
