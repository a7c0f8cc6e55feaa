#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// One more table, as a user wrote it.
struct table_declaration {
  std::string text; ///< TOML: a `[[table]]`, and nothing else.
  std::string file; ///< Names it in messages.
  /// The rdb processes that are to hold it. Those that name their tables get it
  /// added there; one that names none holds all of them.
  std::vector<std::string> rdbs;
};

/// A configuration that has the table.
struct declared_table {
  std::string name;
  bool was_there = false; ///< It was declared so: nothing has changed.
  /// Its `source` is the text that it is to be read from: all else of it is
  /// untouched.
  cluster_config config;
};

/// `config` names what is wrong with the declaration, by its own lines, or with
/// the text that would come out, by the lines of that; `already_exists` what is
/// declared otherwise; `unsupported` when no text is known of `current`. The
/// rest of the outcome is as `current` has it, also what its text has not.
[[nodiscard]] result<declared_table>
declare_table(const cluster_config& current, const table_declaration& what);

} // namespace millrace::nodes
