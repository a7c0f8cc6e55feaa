#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>

#include <string>

namespace millrace::nodes {

/// The position of "130", "0x82", "log.0.1@4096" or "log.0.1 @ 4096";
/// `invalid_argument`.
[[nodiscard]] result<position> parse_position(const std::string& text);

} // namespace millrace::nodes
