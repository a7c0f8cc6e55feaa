#pragma once

#include <millrace/nodes/configuration/configuration.hpp>

#include <string>

namespace millrace::nodes {

/// What Prometheus's configuration says of a cluster, YAML: a job whose targets
/// are its ports for HTTP. Each of them tells of the whole cluster: of several
/// the first one is asked, and the others stand there as comments.
/// `config` without one.
[[nodiscard]] result<std::string> scrape_config_yaml(const cluster_config& of);

} // namespace millrace::nodes
