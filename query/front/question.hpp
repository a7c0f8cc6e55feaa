#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/query/front/named_queries.hpp>
#include <millrace/query/plan/schema_lookup.hpp>
#include <millrace/query/plan/split.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

/// What a gateway is asked, in whatever language, understood.
struct question {
  split_plan plan; ///< None when the answer is `told`.
  /// The answer, which no store is asked for.
  std::optional<table_data> told{};
  /// Wait until the answer can include everything up to here.
  std::optional<position> at_least;
  /// No row of the stream after it counts; none: all do.
  std::optional<position> as_of{};
  int64_t timeout_ns = 0; ///< 0: the gateway's own limit.
  question_priority priority = question_priority::normal;
  bool explain = false; ///< Return the plan, run nothing.
  bool analyze = false; ///< Run it, and return the plan and what that took.
  std::string_view language = "getdata"; ///< Or "qsql", "sql"; static.
};

/// Reads a question in JSON: {"language": "qsql", "text": "select from trade"},
/// or "sql", to which "timeout", "at_least", "as_of", "priority", "explain",
/// "analyze" and "limit" (only so many rows, the first ones) may come
/// (docs/qsql.md, docs/sql.md), or a getdata dictionary (docs/getdata.md).
/// Faults are those of `parse_qsql`, `parse_sql` and `parse_getdata`.
/// @param now_ns since 2000.01.01 UTC: what q calls .z.p, and SQL now()
/// @param tables all that `find` finds
/// @param queries those that it may ask by name
[[nodiscard]] result<question>
parse_question(std::string_view json, const schema_lookup& find, int64_t now_ns,
               const std::vector<std::string>& tables,
               const named_queries& queries = {});

} // namespace millrace::query
