#pragma once

#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/messages/base/errors.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::nodes {

/// What became of the lines of each file, as an error.
/// @returns `bad_data` when a file has more rejects than it may, or no text
[[nodiscard]] error judge(const std::vector<feed::source_report>& reports,
                          uint64_t rejects_max);

/// Whether rejected lines can be kept there: in what is not there yet, or in a
/// file, but not in a device, a pipe or a directory. `invalid_argument`.
[[nodiscard]] error check_keeps_rejects(const std::string& path);

/// What is named to be read is no directory: `invalid_argument` names the first
/// that is.
[[nodiscard]] error check_no_directory(const std::vector<std::string>& files);

/// Says on standard error which members of archives were not read, which last
/// lines may be cut off, and how many were not of those that the layout looks
/// for, or begin as its comments do and may be rows.
void tell_lines(const std::vector<feed::source_report>& reports);

} // namespace millrace::nodes
