#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/assembly/stream_places.hpp>
#include <millrace/nodes/cli/command/options.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>

namespace millrace::nodes {

/// Declares `--rt PLACES` and `--cluster NAME`: where the nodes of a stream are
/// that no configuration has.
void declare_places(option_list& list, named_places& into);

/// What a command of one stream works with: what `--config`, or
/// `$MILLRACE_CONFIG`, names. Where neither names one, and the options or the
/// environment say where the stream is: an empty configuration.
[[nodiscard]] result<cluster_config>
load_cluster_of_stream(const std::string& path, const named_places& at);

} // namespace millrace::nodes
