#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <memory>
#include <string>

namespace millrace::nodes {

/// A cluster, and what asks it: two threads, which is enough for questions.
struct asked_cluster {
  cluster_config config;
  std::unique_ptr<runtime> host;
};

/// That of `--config`, or of `$MILLRACE_CONFIG`.
[[nodiscard]] result<asked_cluster> ask_cluster(const std::string& path);

} // namespace millrace::nodes
