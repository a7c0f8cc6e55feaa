#pragma once

#include <millrace/nodes/cli/bench.hpp>

namespace millrace::bench {

/// Measures one thing beside its peer, or lists what can be measured.
/// @returns the exit code.
[[nodiscard]] int run_bench(const nodes::bench_options& options);

} // namespace millrace::bench
