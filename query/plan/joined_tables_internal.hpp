#pragma once

#include <millrace/query/plan/plan.hpp>

#include <string>

// In store_joins.cpp.

namespace millrace::query {

/// The first fault of what `plan` joins; none when it joins nothing.
[[nodiscard]] error check_joined(const logical_plan& plan);

/// The join and both its tables, as people read them.
[[nodiscard]] std::string to_string(const joined_source& joined);

} // namespace millrace::query
