#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/query/plan/named_lookup.hpp>
#include <millrace/query/plan/schema_lookup.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

/// A query that others ask by its name, with values for its parameters.
struct named_query {
  std::string language = "qsql"; ///< Or "sql".
  /// In q they are names, in SQL $1, $2, ...
  std::vector<column_schema> parameters;
  std::string text;
  std::string description;
  friend bool operator==(const named_query&, const named_query&) = default;
};
using named_queries = std::map<std::string, named_query, std::less<>>;

/// Those that TorQ's packs have, over their table `trade`: countbysym and hloc.
[[nodiscard]] const named_queries& built_in_queries();

/// The names of `queries`, over the tables that `find` finds; both must stay
/// valid while it is used. A query may ask others, to some depth.
/// @param now_ns as of `parse_qsql`
[[nodiscard]] named_lookup lookup_in(const named_queries& queries,
                                     const schema_lookup& find, int64_t now_ns);

/// What is wrong with a query, whatever its parameters are; none: nothing.
[[nodiscard]] error check(const named_queries& queries, std::string_view name,
                          const schema_lookup& find);

} // namespace millrace::query
