#pragma once

#include <millrace/bench/outcome.hpp>

namespace millrace::bench {

/// Bytes per second at which a node of three that lost its disk comes to the
/// others' end while a load runs, and how late that load is meanwhile.
[[nodiscard]] result<outcome> catch_up_r3(const measure_options& options);
/// How much longer a node takes for four times the log: to start after a kill,
/// for a subscriber at a time to get its first message, for status.
[[nodiscard]] result<outcome> start_growth(const measure_options& options);

} // namespace millrace::bench
