#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/start_spec.hpp>

#include <string>

namespace millrace::nodes {

/// The place of "begin", "end", "1064", "log.0.0@1064" or "2024-01-02T14:30";
/// `invalid_argument`.
[[nodiscard]] result<start_spec> parse_place(const std::string& text);

} // namespace millrace::nodes
