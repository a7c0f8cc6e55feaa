#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <string>

namespace millrace::nodes {

/// Why rows of a table as it is declared here do not fit one that was declared
/// there, by the first column; none: they fit. Columns may lack here, and types
/// be narrower.
/// @param theirs types by name of column, as an RDB registers them
[[nodiscard]] error misfit(const table_schema& mine,
                           const text::json_value& theirs);

/// Before rows of a table are published: `config` when an RDB that lives was
/// started with another declaration, so that it would take none of them. While
/// no discovery answers nothing is known, and the RDB keeps what does not fit.
/// Blocks: not for handlers.
[[nodiscard]] error check_declared(runtime& host, const cluster_config& config,
                                   const std::string& table);

} // namespace millrace::nodes
