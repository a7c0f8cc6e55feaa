#pragma once

#include <millrace/messages/protocol/table_news.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/declared_table.hpp>

#include <optional>
#include <vector>

// What of a table of the configuration each type of process knows, when it
// starts and while it runs.

namespace millrace::nodes {

/// Of a table of this configuration: where its rows are to be found. One that
/// only `spawn` starts has rows all the same: an answer without it lacks them.
[[nodiscard]] table_news news_of(const cluster_config& config,
                                 const table_config& table);

/// The same for a process that runs; none: it has no use for the table.
[[nodiscard]] std::optional<table_news> news_for(const cluster_config& config,
                                                 const table_config& table,
                                                 const process_config& process);

/// The processes in the order in which they are told of a table: those that
/// store its rows first, so that who is asked for them, or takes them from
/// clients, finds them there; of these, those that write it down, which account
/// for it in the hdb before others look there.
[[nodiscard]] std::vector<const process_config*>
in_turn(const cluster_config& config);

/// Tables whose rows are written down to, and looked for in, a directory.
[[nodiscard]] std::vector<table_schema> tables_at(const cluster_config& config,
                                                  const std::string& directory);

/// As the registry has them. @pre an rdb of this configuration
[[nodiscard]] text::json_value rdb_attributes(const cluster_config& config,
                                              const process_config& rdb);
/// The same of an hdb.
[[nodiscard]] text::json_value hdb_attributes(const cluster_config& config,
                                              const process_config& hdb);
/// Of a port: where it listens, and the tables that its clients publish to.
[[nodiscard]] text::json_value port_attributes(const cluster_config& config,
                                               const process_config& port);
/// Of a feed that fills these tables.
[[nodiscard]] text::json_value
feed_attributes(const std::vector<const table_config*>& filled);

// As it travels to a node.

[[nodiscard]] text::json_value to_json(const table_declaration& what);
/// `malformed_message` when it is not what `to_json` makes.
[[nodiscard]] result<table_declaration>
table_declaration_of(const text::json_value& what);

} // namespace millrace::nodes
