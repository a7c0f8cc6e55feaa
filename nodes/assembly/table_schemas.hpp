#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// Whether the tables of the rdb processes among these can hold the rows that
/// are there, in the hdb and in the stream since: columns may have been added,
/// and types widened. Every fault is a line `<file>:<line>:<key>: <reason>` of
/// one `config` error. Changes nothing.
[[nodiscard]] error check_tables(persistence::file_system& fs,
                                 const cluster_config& config,
                                 const std::vector<std::string>& processes);

/// Of the tables that the hdb processes among these serve: which have rows
/// that, by their roll rule of today, do not lie in the partition of their own
/// date, and what is to be done, a line each. A database that cannot be read is
/// for its processes to tell.
[[nodiscard]] std::vector<std::string>
strayed_tables(persistence::file_system& fs, const cluster_config& config,
               const std::vector<std::string>& processes);

struct settled_tables {
  std::vector<table_schema> tables;
  /// Of each note that was damaged: where it is, and what took its place.
  std::vector<std::string> rebuilt;
};

/// The tables of an rdb, each with the version that it has: that of the newest
/// rows if it is the same, else the one after. Notes them for the next start,
/// and, if the rdb writes there, in the hdb's manifest, so that older rows are
/// read as it has them. A note that is damaged is set aside: the manifest and
/// the configuration stand for it. Faults as above.
[[nodiscard]] result<settled_tables> settle_tables(persistence::env& world,
                                                   const cluster_config& config,
                                                   const process_config& rdb);

/// A table for rows that go to an hdb past its stream: what the hdb holds
/// counts, and its version. Faults as above.
[[nodiscard]] result<table_schema>
settle_loaded(persistence::file_system& fs, const cluster_config& config,
              const std::string& hdb_directory, const std::string& table);

/// Whether an hdb of the configuration serves the directory.
[[nodiscard]] bool is_served(const cluster_config& config,
                             const std::string& directory);

/// What the directory of an rdb has beside the rows of its stream, as files
/// that were loaded, where no hdb of the configuration serves it; in words, by
/// table.
[[nodiscard]] std::map<std::string, std::string>
unserved_rows(persistence::file_system& fs, const cluster_config& config,
              const process_config& rdb);

/// Why what an rdb writes down could not be asked for: no hdb of the
/// configuration serves that directory. Empty: one does, or it writes nothing.
[[nodiscard]] std::string not_served(const cluster_config& config,
                                     const process_config& rdb);

} // namespace millrace::nodes
