#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Where rows of a table go.
enum class rows_go : uint8_t {
  by_stream,    ///< RDBs take them in.
  into_history, ///< HDBs serve them, and questions are about them.
};

/// Before rows of a table go anywhere: `config` when a process that lives was
/// started with another declaration, so that an RDB would take none of them, no
/// question about the table would be answered any more, or rows of history
/// would lie under other dates than those there. While no discovery answers
/// nothing is known. Blocks: not for handlers.
[[nodiscard]] error check_declared(runtime& host, const cluster_config& config,
                                   const std::string& table, rows_go where);

} // namespace millrace::nodes
