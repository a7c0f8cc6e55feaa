#pragma once

#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/nodes/assembly/history_load.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/load.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <memory>

namespace millrace::nodes {

/// Loads what `given` names into its table, waits until it is served, and
/// prints what became of it. @returns the exit code.
[[nodiscard]] int load_rows(const load_options& options,
                            const cluster_config& config, real_env& env,
                            history_load::options given,
                            std::shared_ptr<feed::batch_source_counters> read,
                            const interrupts& signals);

/// Loads tables of a database of kdb+, or tells what would be; in load_kdb.cpp.
/// @returns the exit code.
[[nodiscard]] int load_kdb(const load_options& options);

} // namespace millrace::nodes
