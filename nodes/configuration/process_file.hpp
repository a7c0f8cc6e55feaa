#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/q_schema.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// What a process file is read with.
struct process_file_setting {
  std::string path;                             ///< Of the file, for messages.
  std::map<std::string, std::string> variables; ///< Of the environment.
  std::string host;                             ///< Name of this one.
};

/// A line of a process file of TorQ that Millrace has a type for.
struct process_line {
  uint32_t line = 0;
  std::string name;
  std::string type; ///< Ours.
  uint16_t port = 0;
  std::string load;          ///< hdb: its directory. Empty: none is named.
  uint64_t query_time_s = 0; ///< 0: the default.
  uint64_t memory_mb = 0;    ///< 0: no limit.
  bool starts = true;        ///< With all others; else by `spawn` only.
};

/// A process file.
struct process_file {
  std::vector<process_line> processes;
  std::string schema_path;           ///< Of the tickerplant; empty: none.
  uint32_t schema_line = 0;          ///< Where it is named.
  std::vector<std::string> left_out; ///< What has no effect, and why.
};

/// Reads the text of a process file. Every fault is a line
/// `<file>:<line>:<column>: <reason>` of one `config` error.
[[nodiscard]] result<process_file>
parse_process_file(std::string_view text, const process_file_setting& with);

/// The same as TOML, with a stream of the tickerplant's name that carries the
/// tables; each process is a node of its own.
[[nodiscard]] std::string
configuration_text(const process_file& from,
                   const std::vector<table_schema>& tables,
                   const process_file_setting& with);

/// Reads a process file, and the tables that its tickerplant names, in the
/// environment of this program. `cluster_config::left_out` has what of both has
/// no effect. Faults as above.
[[nodiscard]] result<cluster_config>
load_process_file(persistence::file_system& fs, const std::string& path);

} // namespace millrace::nodes
