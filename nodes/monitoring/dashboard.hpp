#pragma once

#include <string>

namespace millrace::nodes {

/// A dashboard for Grafana, as its "import" takes it: a panel per metric, by
/// the kind of process that tells it, and the few that matter most above them.
/// Asks the data source and the cluster of the one who looks.
[[nodiscard]] std::string dashboard_json();

} // namespace millrace::nodes
