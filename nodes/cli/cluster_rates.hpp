#pragma once

#include <millrace/messages/text/json_value.hpp>

#include <cstdint>

namespace millrace::nodes {

/// What a cluster does, from two looks at it (see cluster_status.hpp): arrays
/// "nodes", "streams" and "processes", each with its rates per second. Null is
/// what cannot be told: of what does not run, or began anew in between.
/// @pre elapsed_ns > 0
[[nodiscard]] text::json_value cluster_rates(const text::json_value& before,
                                             const text::json_value& after,
                                             int64_t elapsed_ns);

} // namespace millrace::nodes
