#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/front/sql/rewrite.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes::postgres {

/// What a SELECT reads, by the tree of PostgreSQL's grammar.
struct read_relations {
  bool has_catalogue = false; ///< Of pg_catalog or information_schema.
  bool has_others = false;    ///< Tables of the cluster, or what is not there.
  /// Functions in FROM but those that need no relation: queries with names, or
  /// those of the catalogue.
  bool has_functions = false;
};
/// @param tree as `query::sql::parse_tree` has it
[[nodiscard]] read_relations relations_in(const text::json_value& tree);

/// A relation of the catalogue by one name: "tables" is of the
/// information_schema, names without a schema that begin with "pg_" are of
/// pg_catalog.
[[nodiscard]] std::string catalogue_name(std::string_view schema,
                                         std::string_view relation);

/// What the catalogue has columns of, and of which type.
using known_columns
  = std::map<std::string, std::map<std::string, column_type>, std::less<>>;

/// A SELECT in the SQL of SQLite.
struct catalogue_query {
  std::string sql;
  /// Relations by `catalogue_name`, with the columns that it names or all of
  /// them: what it needs to be there. Some that nobody knows are among them:
  /// all of their values are null.
  std::map<std::string, std::set<std::string>> relations;
  /// Types of its first columns, where they do not come with the values; of
  /// its last ones when a star stands before these.
  std::vector<std::optional<column_type>> first_types;
  std::vector<std::optional<column_type>> last_types;
};

/// Writes PostgreSQL's tree anew: operators, casts and functions by names that
/// catalogue_functions.cpp gives to SQLite. `unsupported` for what has no
/// counterpart there.
/// @param text of which the tree is
[[nodiscard]] result<catalogue_query>
to_sqlite(const text::json_value& tree, const query::sql::rewritten_query& text,
          const known_columns& known);

} // namespace millrace::nodes::postgres
