#pragma once

#include <millrace/persistence/log/log_reader.hpp>

#include <memory>
#include <optional>
#include <string>

namespace millrace::nodes {

/// Reads a log directory of this host from a place on; none: from its begin.
/// @param resync after damage goes on at the next intact record, not at the
///   next file
[[nodiscard]] result<std::unique_ptr<persistence::log_reader>>
open_log(const std::string& directory, std::optional<position> from,
         bool resync = false);

} // namespace millrace::nodes
