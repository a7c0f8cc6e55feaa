#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/plan/named_lookup.hpp>
#include <millrace/query/plan/plan_tree.hpp>
#include <millrace/query/plan/schema_lookup.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::query {

/// A query in SQL, understood.
struct sql_request {
  plan_node plan;       ///< Resolved.
  bool explain = false; ///< EXPLAIN: the plan is wanted, and not its rows.
  bool analyze = false; ///< EXPLAIN ANALYZE: and what it took, as it is run.
};

/// Reads a query in SQL (docs/sql.md). Faults begin with "line <n>, column
/// <m>": `invalid_argument` for what is wrong, `not_found` for a name that
/// nothing has, `unsupported` for what SQL has and this does not,
/// `limit_exceeded` for what is too long or too deep.
/// @param now_ns what now() is, since 2000.01.01 UTC
/// @param named queries that FROM may call with constants, as functions
/// @param bound the values of $1, $2, ...
[[nodiscard]] result<sql_request>
parse_sql(std::string_view text, const schema_lookup& find, int64_t now_ns,
          const named_lookup& named = {},
          const std::vector<bound_name>& bound = {});

} // namespace millrace::query
