#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/persistence/hdb/hdb_amend.hpp>
#include <millrace/query/plan/plan.hpp>

#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// What `millrace hdb amend` is given.
struct amend_options {
  std::string directory;
  std::string table;
  std::string filters; ///< JSON, as getdata's; empty: none.
  std::vector<std::string> symbols;
  std::string from; ///< Time, included; empty: the first.
  std::string to;   ///< Time, included; empty: the last.
  bool removes = false;
  std::string values; ///< JSON; empty: none are set.
  bool home = false;
  std::string why;
  bool dry = false;
  std::string config; ///< Of the cluster that serves it; empty: none.
  output_format output = output_format::table;
};

/// Whether exactly one thing is to be done, and to rows that are named.
[[nodiscard]] error check(const amend_options& options);

/// The rows that are meant, as a plan has them; none: all, for --home.
[[nodiscard]] result<std::optional<query::logical_plan>>
choice_of(const amend_options& options,
          const persistence::hdb_manifest& manifest);

/// What they mean for a database. `not_found`, `invalid_argument`, `bad_data`
/// name what does not fit its table.
[[nodiscard]] result<persistence::hdb_amendment>
read_amendment(const amend_options& options,
               const persistence::hdb_manifest& manifest);

} // namespace millrace::nodes
