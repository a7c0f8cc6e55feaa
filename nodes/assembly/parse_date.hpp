#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Days since 2000.01.01 of "2013-10-08" or "2013.10.08"; `invalid_argument`.
[[nodiscard]] result<int64_t> parse_date(const std::string& text);

} // namespace millrace::nodes
