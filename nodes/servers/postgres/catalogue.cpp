#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>
#include <millrace/query/front/sql/grammar.hpp>
#include <millrace/query/front/sql/rewrite.hpp>

#include <algorithm>

namespace millrace::nodes::postgres {

namespace {

/// Whether it may be for the catalogue: most queries need not be read here.
bool may_be_for_catalogue(const std::vector<part>& parts,
                          const tables_by_name& tables) {
  if (parts.empty()
      || !(parts[0].is("select") || parts[0].is("with") || parts[0].is("values")
           || parts[0].is("(")))
    return false;
  bool has_table = false;
  for (const auto& each : parts) {
    has_table = has_table || (!each.is_text && tables.contains(each.text));
    if (!each.is_text
        && (each.text.starts_with("pg_") || each.text == "information_schema"))
      return true;
  }
  return !has_table || parts[0].is("with");
}

} // namespace

query::table_data single_value(const std::string& column,
                               const std::string& value) {
  query::column_writer writer{column, column_type::symbol};
  writer.append_text(value);
  query::table_data out;
  out.row_count = 1;
  // Shorter than any limit.
  out.columns.push_back(*writer.finish());
  return out;
}

std::optional<result<query::table_data>>
catalogue_answer(std::string_view statement, const catalogue_facts& with) {
  if (!may_be_for_catalogue(parts_of(statement), *with.tables))
    return std::nullopt;
  const auto rewritten = query::sql::rewrite(statement);
  if (!rewritten)
    return std::nullopt; // The gateway tells what is wrong.
  const auto tree = query::sql::parse_tree(*rewritten, statement);
  if (!tree)
    return tree.failure();
  const auto reads = relations_in(*tree);
  if (tree->find("SelectStmt") == nullptr
      || ((reads.has_others || reads.has_functions) && !reads.has_catalogue))
    return std::nullopt;
  if (reads.has_others)
    return error{errc::unsupported,
                 "one query asks the catalogue or tables, not both"};
  const auto query = to_sqlite(*tree, *rewritten, columns_of_catalogue());
  if (!query)
    return query.failure();
  return rows_of(*query, with);
}

} // namespace millrace::nodes::postgres
