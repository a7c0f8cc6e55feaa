#pragma once

#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/query/table/result_text.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::nodes {

struct query_options {
  std::string config;
  std::string
    language; ///< "qsql", "sql", "getdata"; empty: as the text begins.
  std::string text;
  bool has_text = false; ///< Else it is read from standard input.
  /// None: a file of Parquet.
  std::optional<query::result_format> output = query::result_format::table;
  /// Waits until the answer covers this position of the stream.
  std::optional<uint64_t> at_least;
  std::optional<uint64_t> as_of;
  std::string priority;  ///< Empty: as the query says, or normal.
  bool show_cut = false; ///< Prints the cut of the answer to stderr.
  bool explain = false;  ///< Prints the plan, runs nothing.
  bool analyze = false;  ///< Runs it, and prints the plan and what that took.
  bool timing = false;   ///< Prints what the answer took to stderr.
  bool strict = false;   ///< An answer that may lack rows is a failure.
  int timeout_s = 0;     ///< 0: not given, and 30.
};

/// Asks the gateway, prints the rows.
extern const command<query_options> query_command;

} // namespace millrace::nodes
