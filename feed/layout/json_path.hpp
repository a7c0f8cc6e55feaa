#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// The keys and positions of a path with points between them. A key in single
/// quotes may hold points, and is empty as ''; a single quote in it is doubled.
/// @returns none where a quote does not end, or text follows it
[[nodiscard]] std::optional<std::vector<std::string>>
parse_json_steps(std::string_view path);

/// A key as a path has it: in quotes where it must be.
[[nodiscard]] std::string json_step(std::string_view key);

/// Where the path of "path=text" ends; npos: there is no '='.
[[nodiscard]] size_t end_of_path(std::string_view condition);

} // namespace millrace::feed
