#pragma once

#include <millrace/nodes/node/runtime.hpp>

#include <memory>

namespace millrace::nodes {

/// A runtime for questions: one thread reads and one works, however many cores
/// there are. What publishes or parses wants `runtime::create`.
[[nodiscard]] inline result<std::unique_ptr<runtime>>
small_runtime(const cluster_config& config) {
  return runtime::create(config, {.env = {.io_threads = 1, .pool_threads = 1}});
}

} // namespace millrace::nodes
