#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>
#include <millrace/nodes/servers/postgres/rows.hpp>
#include <millrace/query/execution/like.hpp>
#include <millrace/query/front/sql/constants.hpp>

#include <algorithm>
#include <array>

// Implements catalogue_internal.hpp.

namespace millrace::nodes::postgres {

namespace {

constexpr int64_t first_table_oid = 16'384;
constexpr int64_t public_oid = 2200;
constexpr int64_t owner_oid = 10;

cell text_cell(std::string_view text) {
  return {std::string{text}, column_type::symbol, false};
}
cell number_cell(int64_t value) {
  return {std::to_string(value), column_type::long_, false};
}
cell truth_cell(bool value) {
  return {value ? "t" : "f", column_type::boolean, false};
}
cell null_cell() { return {{}, column_type::symbol, true}; }

void add_flags(catalogue_row& to, std::initializer_list<const char*> names) {
  for (const auto* name : names)
    to.emplace_back(name, truth_cell(false));
}

catalogue_row class_row(const table_schema& table, int64_t number) {
  catalogue_row out{
    {"oid", number_cell(first_table_oid + number)},
    {"relname", text_cell(table.name)},
    {"nspname", text_cell("public")},
    {"relnamespace", number_cell(public_oid)},
    {"relkind", text_cell("r")},
    {"relowner", number_cell(owner_oid)},
    {"amname", text_cell("heap")},
    {"relam", number_cell(2)},
    {"relchecks", number_cell(0)},
    {"reltablespace", number_cell(0)},
    {"reloftype", number_cell(0)},
    {"relpersistence", text_cell("p")},
    {"relreplident", text_cell("d")},
    {"reltuples", number_cell(-1)},
    {"relpages", number_cell(0)},
    {"relnatts", number_cell(static_cast<int64_t>(table.columns.size()))}};
  add_flags(out, {"relhasindex", "relhasrules", "relhastriggers",
                  "relrowsecurity", "relforcerowsecurity", "relispartition",
                  "relhasoids", "relhassubclass"});
  return out;
}

void add_type(catalogue_row& to, const pg_type& type) {
  to.emplace_back("typname", text_cell(type.name));
  to.emplace_back("format_type", text_cell(type.written));
  to.emplace_back("typtype", text_cell("b"));
  to.emplace_back("typlen", number_cell(type.size));
  for (const auto* name : {"typarray", "typelem", "typrelid", "typbasetype"})
    to.emplace_back(name, number_cell(0));
  to.emplace_back("typtypmod", number_cell(-1));
  to.emplace_back("typdelim", text_cell(","));
  add_flags(to, {"typnotnull"});
}

catalogue_row attribute_row(const table_schema& table, int64_t number,
                            size_t column) {
  auto out = class_row(table, number);
  const auto& of = table.columns[column];
  const auto type = type_of(of.type);
  out.emplace_back("attrelid", number_cell(first_table_oid + number));
  out.emplace_back("attname", text_cell(of.name));
  out.emplace_back("attnum", number_cell(static_cast<int64_t>(column) + 1));
  out.emplace_back("atttypid", number_cell(type.oid));
  out.emplace_back("atttypmod", number_cell(-1));
  out.emplace_back("attlen", number_cell(type.size));
  out.emplace_back("attstorage", text_cell(type.size < 0 ? "x" : "p"));
  out.emplace_back("attidentity", null_cell());
  out.emplace_back("attgenerated", null_cell());
  add_flags(out, {"attnotnull", "attisdropped", "atthasdef"});
  add_type(out, type);
  return out;
}

catalogue_row type_row(const pg_type& type) {
  catalogue_row out{{"oid", number_cell(type.oid)},
                    {"nspname", text_cell("pg_catalog")},
                    {"typnamespace", number_cell(11)}};
  add_type(out, type);
  return out;
}

catalogue_row table_row(const table_schema& table,
                        const catalogue_facts& with) {
  return {{"table_catalog", text_cell(with.cluster)},
          {"table_schema", text_cell("public")},
          {"table_name", text_cell(table.name)},
          {"table_type", text_cell("BASE TABLE")},
          {"is_insertable_into", text_cell("NO")}};
}

catalogue_row column_row(const table_schema& table, size_t column,
                         const catalogue_facts& with) {
  const auto& of = table.columns[column];
  const auto type = type_of(of.type);
  return {{"table_catalog", text_cell(with.cluster)},
          {"table_schema", text_cell("public")},
          {"table_name", text_cell(table.name)},
          {"column_name", text_cell(of.name)},
          {"ordinal_position", number_cell(static_cast<int64_t>(column) + 1)},
          {"column_default", null_cell()},
          {"is_nullable", text_cell("YES")},
          {"data_type", text_cell(type.written)},
          {"character_maximum_length", null_cell()},
          {"numeric_precision", null_cell()},
          {"numeric_scale", null_cell()},
          {"datetime_precision", null_cell()},
          {"udt_schema", text_cell("pg_catalog")},
          {"udt_name", text_cell(type.name)},
          {"is_updatable", text_cell("NO")}};
}

catalogue_row namespace_row(std::string_view name, int64_t number,
                            const catalogue_facts& with) {
  return {{"oid", number_cell(number)},
          {"nspname", text_cell(name)},
          {"nspowner", number_cell(owner_oid)},
          {"nspacl", null_cell()},
          {"catalog_name", text_cell(with.cluster)},
          {"schema_name", text_cell(name)},
          {"schema_owner", text_cell("millrace")}};
}

catalogue_row database_row(const catalogue_facts& with) {
  catalogue_row out{{"oid", number_cell(1)},
                    {"datname", text_cell(with.cluster)},
                    {"datdba", number_cell(owner_oid)},
                    {"encoding", number_cell(6)},
                    {"datcollate", text_cell("C")},
                    {"datctype", text_cell("C")},
                    {"datlocprovider", text_cell("c")},
                    {"daticulocale", null_cell()},
                    {"datacl", null_cell()},
                    {"datconnlimit", number_cell(-1)},
                    {"datallowconn", truth_cell(true)}};
  add_flags(out, {"datistemplate"});
  return out;
}

/// From the coarsest to the finest.
constexpr std::array<std::string_view, 8> relations_with_rows{
  "schemata", "pg_namespace", "pg_database", "pg_type",
  "tables",   "columns",      "pg_class",    "pg_attribute"};

} // namespace

const cell* find_cell(const catalogue_row& row, std::string_view name) {
  const auto found
    = std::find_if(row.begin(), row.end(),
                   [&](const auto& each) { return each.first == name; });
  return found == row.end() ? nullptr : &found->second;
}

bool has_rows(std::string_view relation) {
  return std::find(relations_with_rows.begin(), relations_with_rows.end(),
                   relation)
         != relations_with_rows.end();
}

catalogue_rows rows_of(const std::vector<std::string>& relations,
                       const catalogue_facts& with) {
  std::string_view finest;
  for (const auto each : relations_with_rows)
    if (std::find(relations.begin(), relations.end(), each) != relations.end())
      finest = each;
  table_schema sample;
  sample.name = "table";
  sample.columns.push_back({"column", column_type::long_});
  catalogue_rows out;
  // Calls with each table, or with each of its columns.
  const auto fill = [&](auto make, bool by_column) {
    out.sample = make(sample, int64_t{0}, size_t{0});
    int64_t number = 0;
    for (const auto& [name, table] : *with.tables) {
      for (size_t i = 0; i < (by_column ? table.columns.size() : 1); ++i)
        out.rows.push_back(make(table, number, i));
      ++number;
    }
  };
  if (finest == "pg_attribute") {
    fill(attribute_row, true);
  } else if (finest == "pg_class") {
    fill([](const auto& table, int64_t number,
            size_t) { return class_row(table, number); },
         false);
  } else if (finest == "columns") {
    fill([&](const auto& table, int64_t,
             size_t i) { return column_row(table, i, with); },
         true);
  } else if (finest == "tables") {
    fill([&](const auto& table, int64_t,
             size_t) { return table_row(table, with); },
         false);
  } else if (finest == "pg_type") {
    for (const auto type :
         {column_type::boolean, column_type::short_, column_type::int_,
          column_type::long_, column_type::real, column_type::float_,
          column_type::symbol, column_type::timestamp, column_type::date,
          column_type::time, column_type::timespan, column_type::guid})
      out.rows.push_back(type_row(type_of(type)));
  } else if (finest == "pg_database") {
    out.rows.push_back(database_row(with));
  } else if (finest == "pg_namespace" || finest == "schemata") {
    out.rows.push_back(namespace_row("public", public_oid, with));
    out.rows.push_back(namespace_row("pg_catalog", 11, with));
    out.rows.push_back(namespace_row("information_schema", 13'000, with));
  }
  if (out.sample.empty() && !out.rows.empty())
    out.sample = out.rows.front();
  return out;
}

result<bool> matches(std::string_view text, std::string_view pattern) {
  const bool from_start = pattern.starts_with('^');
  const bool to_end = pattern.ends_with('$') && !pattern.ends_with("\\$");
  pattern.remove_prefix(from_start);
  pattern.remove_suffix(to_end);
  if (pattern.starts_with('(') && pattern.ends_with(')'))
    pattern = pattern.substr(1, pattern.size() - 2);
  // As LIKE, where % is any text, _ one letter and \ takes the next as it is.
  std::string like{from_start ? "" : "%"};
  for (size_t i = 0; i < pattern.size(); ++i) {
    const auto c = pattern[i];
    if (c == '.' && i + 1 < pattern.size() && pattern[i + 1] == '*') {
      like += '%';
      ++i;
    } else if (c == '.') {
      like += '_';
    } else if (std::string_view{"[](){}|*+?^$"}.find(c)
               != std::string_view::npos) {
      return error{errc::unsupported,
                   "of patterns for the catalogue there are letters, '.' and "
                   "'.*', not '"
                     + std::string{pattern} + "'"};
    } else {
      if (c == '\\' && i + 1 < pattern.size())
        ++i;
      if (pattern[i] == '%' || pattern[i] == '_' || pattern[i] == '\\')
        like += '\\';
      like += pattern[i];
    }
  }
  return is_like(text, like + (to_end ? "" : "%"));
}

result<bool> is_like(std::string_view text, std::string_view pattern) {
  const auto read = query::sql::like_pattern_of(pattern, '\\', false);
  if (!read)
    return read.failure();
  return query::like_pattern{*read}.matches(text);
}

} // namespace millrace::nodes::postgres
