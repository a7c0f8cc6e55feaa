#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/cli/command/options.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>

namespace millrace::nodes {

/// Declares `--config FILE`.
void declare_config(option_list& list, std::string& path);

/// Loads what `--config`, or `$MILLRACE_CONFIG`, names.
[[nodiscard]] result<cluster_config> load_cluster(const std::string& path);

} // namespace millrace::nodes
