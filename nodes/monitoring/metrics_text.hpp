#pragma once

#include <millrace/messages/text/json_value.hpp>

#include <string>

namespace millrace::nodes {

/// What the processes of a cluster say of themselves, as Prometheus reads it
/// (text format 0.0.4). `status` is what /status gives.
[[nodiscard]] std::string metrics_text(const text::json_value& status);

} // namespace millrace::nodes
