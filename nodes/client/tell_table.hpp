#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/protocol/table_news.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/declared_table.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// What a process of a cluster made of one more table.
struct told_process {
  std::string process;
  std::string node;
  std::optional<table_outcome> outcome; ///< None: see `fault`.
  error fault;
};

struct told_of_table {
  std::vector<told_process> processes; ///< In the order in which it was told.
  /// Of each node that answers: the path of the configuration that it was
  /// started with.
  std::map<std::string, std::string> configurations;
  std::map<std::string, error> silent; ///< Nodes, and why.
};

/// Tells the processes of a running cluster of a table that its configuration
/// has now: those that store its rows first, so that who is asked for them, or
/// takes them from clients, finds them there. Each is waited for so long.
/// Blocks: not for handlers.
/// @param config that has the table
[[nodiscard]] told_of_table tell_table(runtime& host,
                                       const cluster_config& config,
                                       const table_declaration& what,
                                       std::chrono::nanoseconds patience);

} // namespace millrace::nodes
