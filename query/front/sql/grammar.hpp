#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/front/sql/rewrite.hpp>

#include <string_view>

namespace millrace::query::sql {

/// The tree of the one statement that a query is, as PostgreSQL's grammar
/// makes it: {"SelectStmt": {...}}. "location" is an offset in the rewritten
/// text; 0, false and empty fields are left out.
/// @param source the text as it was asked, for places of faults
[[nodiscard]] result<text::json_value> parse_tree(const rewritten_query& query,
                                                  std::string_view source);

/// The number of an A_Const that has "ival", whose value the tree lacks when
/// it is not above 0.
[[nodiscard]] int64_t whole_number_in(const text::json_value& constant,
                                      const rewritten_query& query);

} // namespace millrace::query::sql
