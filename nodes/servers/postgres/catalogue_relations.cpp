#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>
#include <millrace/nodes/servers/postgres/rows.hpp>

#include <algorithm>
#include <array>

// Implements, of catalogue_internal.hpp, the relations.

namespace millrace::nodes::postgres {

namespace {

constexpr int64_t first_table_oid = 16'384;
constexpr int64_t catalogue_oid = 11;
constexpr int64_t public_oid = 2200;
constexpr int64_t schema_oid = 13'000; ///< information_schema
constexpr int64_t owner_oid = 10;
constexpr int64_t user_oid = 16'383;
constexpr int64_t tablespace_oid = 1663;
constexpr int64_t heap_oid = 2;

using row_taker = std::function<void(const catalogue_row&)>;

cell null_cell() { return {{}, column_type::symbol, true}; }

void add_flags(catalogue_row& to,
               std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    to.emplace_back(name, truth_cell(false));
}

void for_each_table(
  const catalogue_facts& with,
  const std::function<void(const table_schema&, int64_t oid)>& take) {
  auto number = first_table_oid;
  for (const auto& [name, table] : *with.tables)
    take(table, number++);
}

void fill_class(const catalogue_facts& with, const row_taker& take) {
  for_each_table(with, [&](const table_schema& table, int64_t oid) {
    catalogue_row out{
      {"oid", number_cell(oid)},
      {"relname", text_cell(table.name)},
      {"relnamespace", number_cell(public_oid)},
      {"reltype", number_cell(0)},
      {"reloftype", number_cell(0)},
      {"relowner", number_cell(owner_oid)},
      {"relam", number_cell(heap_oid)},
      {"relfilenode", number_cell(0)},
      {"reltablespace", number_cell(0)},
      {"relpages", number_cell(0)},
      {"reltuples", number_cell(-1)},
      {"relallvisible", number_cell(0)},
      {"reltoastrelid", number_cell(0)},
      {"relpersistence", text_cell("p")},
      {"relkind", text_cell("r")},
      {"relnatts", number_cell(static_cast<int64_t>(table.columns.size()))},
      {"relchecks", number_cell(0)},
      {"relreplident", text_cell("d")},
      {"relrewrite", number_cell(0)},
      {"relacl", null_cell()},
      {"reloptions", null_cell()},
      {"relpartbound", null_cell()}};
    add_flags(out, {"relhasindex", "relisshared", "relhasrules",
                    "relhastriggers", "relhassubclass", "relrowsecurity",
                    "relforcerowsecurity", "relispartition", "relhasoids"});
    out.emplace_back("relispopulated", truth_cell(true));
    take(out);
  });
}

void fill_attribute(const catalogue_facts& with, const row_taker& take) {
  for_each_table(with, [&](const table_schema& table, int64_t oid) {
    int64_t number = 0;
    for (const auto& of : table.columns) {
      const auto type = type_of(of.type);
      catalogue_row out{{"attrelid", number_cell(oid)},
                        {"attname", text_cell(of.name)},
                        {"atttypid", number_cell(type.oid)},
                        {"attstattarget", number_cell(-1)},
                        {"attlen", number_cell(type.size)},
                        {"attnum", number_cell(++number)},
                        {"attndims", number_cell(0)},
                        {"attcacheoff", number_cell(-1)},
                        {"atttypmod", number_cell(-1)},
                        {"attstorage", text_cell(type.size < 0 ? "x" : "p")},
                        {"attalign", text_cell("d")},
                        {"attcompression", text_cell("")},
                        {"attidentity", text_cell("")},
                        {"attgenerated", text_cell("")},
                        {"attinhcount", number_cell(0)},
                        {"attcollation", number_cell(0)},
                        {"attacl", null_cell()},
                        {"attoptions", null_cell()},
                        {"attfdwoptions", null_cell()}};
      add_flags(out, {"attbyval", "attnotnull", "atthasdef", "atthasmissing",
                      "attisdropped"});
      out.emplace_back("attislocal", truth_cell(true));
      take(out);
    }
  });
}

void fill_type(const catalogue_facts&, const row_taker& take) {
  for (const auto& each : catalogue_types()) {
    const bool is_array = each.element != 0;
    catalogue_row out{
      {"oid", number_cell(each.oid)},
      {"typname", text_cell(each.name)},
      {"typnamespace", number_cell(catalogue_oid)},
      {"typowner", number_cell(owner_oid)},
      {"typlen", number_cell(each.size)},
      {"typtype", text_cell(each.category == 'X' ? "p" : "b")},
      {"typcategory", text_cell(std::string_view{&each.category, 1})},
      {"typdelim", text_cell(",")},
      {"typrelid", number_cell(0)},
      {"typelem", number_cell(each.element)},
      {"typarray", number_cell(each.array)},
      {"typinput", text_cell(is_array ? "array_in" : each.name + "in")},
      {"typreceive", text_cell(is_array ? "array_recv" : each.name + "recv")},
      {"typbasetype", number_cell(0)},
      {"typtypmod", number_cell(-1)},
      {"typndims", number_cell(0)},
      {"typcollation", number_cell(0)},
      {"typdefault", null_cell()},
      {"typacl", null_cell()},
      {"typisdefined", truth_cell(true)}};
    add_flags(out, {"typbyval", "typispreferred", "typnotnull"});
    take(out);
  }
}

void fill_namespace(const catalogue_facts&, const row_taker& take) {
  constexpr std::array<std::pair<std::string_view, int64_t>, 3> schemas{
    {{"public", public_oid},
     {"pg_catalog", catalogue_oid},
     {"information_schema", schema_oid}}};
  for (const auto& [name, oid] : schemas)
    take({{"oid", number_cell(oid)},
          {"nspname", text_cell(name)},
          {"nspowner", number_cell(owner_oid)},
          {"nspacl", null_cell()}});
}

void fill_database(const catalogue_facts& with, const row_taker& take) {
  take({{"oid", number_cell(1)},
        {"datname", text_cell(with.cluster)},
        {"datdba", number_cell(owner_oid)},
        {"encoding", number_cell(6)},
        {"datlocprovider", text_cell("c")},
        {"datcollate", text_cell("C")},
        {"datctype", text_cell("C")},
        {"daticulocale", null_cell()},
        {"datacl", null_cell()},
        {"datconnlimit", number_cell(-1)},
        {"dattablespace", number_cell(tablespace_oid)},
        {"datallowconn", truth_cell(true)},
        {"datistemplate", truth_cell(false)}});
}

void fill_am(const catalogue_facts&, const row_taker& take) {
  take({{"oid", number_cell(heap_oid)},
        {"amname", text_cell("heap")},
        {"amtype", text_cell("t")}});
}

void fill_tablespace(const catalogue_facts&, const row_taker& take) {
  take({{"oid", number_cell(tablespace_oid)},
        {"spcname", text_cell("pg_default")},
        {"spcowner", number_cell(owner_oid)},
        {"spcacl", null_cell()},
        {"spcoptions", null_cell()}});
}

void fill_roles(const catalogue_facts& with, const row_taker& take) {
  const auto add = [&](int64_t oid, std::string_view name) {
    catalogue_row out{{"oid", number_cell(oid)},
                      {"rolname", text_cell(name)},
                      {"rolconnlimit", number_cell(-1)},
                      {"rolpassword", null_cell()},
                      {"rolvaliduntil", null_cell()},
                      {"rolconfig", null_cell()},
                      {"rolinherit", truth_cell(true)},
                      {"rolcanlogin", truth_cell(oid == user_oid)}};
    add_flags(out, {"rolsuper", "rolcreaterole", "rolcreatedb",
                    "rolreplication", "rolbypassrls"});
    take(out);
  };
  add(owner_oid, "millrace");
  if (with.user != "millrace")
    add(user_oid, with.user);
}

void fill_user(const catalogue_facts& with, const row_taker& take) {
  catalogue_row out{{"usename", text_cell(with.user)},
                    {"usesysid", number_cell(user_oid)},
                    {"passwd", null_cell()},
                    {"valuntil", null_cell()},
                    {"useconfig", null_cell()}};
  add_flags(out, {"usecreatedb", "usesuper", "userepl", "usebypassrls"});
  take(out);
}

void fill_settings(const catalogue_facts& with, const row_taker& take) {
  for (const auto& [name, value] : with.settings->all())
    take({{"name", text_cell(name)},
          {"setting", text_cell(value)},
          {"context", text_cell("user")},
          {"vartype", text_cell("string")},
          {"source", text_cell("default")}});
}

void fill_tables(const catalogue_facts& with, const row_taker& take) {
  for_each_table(with, [&](const table_schema& table, int64_t) {
    catalogue_row out{{"schemaname", text_cell("public")},
                      {"tablename", text_cell(table.name)},
                      {"tableowner", text_cell("millrace")},
                      {"tablespace", null_cell()}};
    add_flags(out, {"hasindexes", "hasrules", "hastriggers", "rowsecurity"});
    take(out);
  });
}

/// Words that a name cannot be without quotes.
void fill_keywords(const catalogue_facts&, const row_taker& take) {
  static constexpr std::array<std::string_view, 37> words{
    "all",   "analyse", "analyze", "and",   "any",    "array", "as",     "asc",
    "both",  "case",    "cast",    "check", "column", "desc",  "do",     "else",
    "end",   "except",  "false",   "for",   "from",   "group", "having", "in",
    "into",  "limit",   "not",     "null",  "offset", "on",    "only",   "or",
    "order", "select",  "union",   "where", "with"};
  for (const auto word : words)
    take({{"word", text_cell(word)},
          {"catcode", text_cell("R")},
          {"barelabel", truth_cell(false)},
          {"catdesc", text_cell("reserved")}});
}

void fill_schemata(const catalogue_facts& with, const row_taker& take) {
  for (const auto* name : {"public", "pg_catalog", "information_schema"})
    take({{"catalog_name", text_cell(with.cluster)},
          {"schema_name", text_cell(name)},
          {"schema_owner", text_cell("millrace")}});
}

void fill_schema_tables(const catalogue_facts& with, const row_taker& take) {
  for_each_table(with, [&](const table_schema& table, int64_t) {
    take({{"table_catalog", text_cell(with.cluster)},
          {"table_schema", text_cell("public")},
          {"table_name", text_cell(table.name)},
          {"table_type", text_cell("BASE TABLE")},
          {"is_insertable_into", text_cell("NO")},
          {"is_typed", text_cell("NO")}});
  });
}

void fill_schema_columns(const catalogue_facts& with, const row_taker& take) {
  for_each_table(with, [&](const table_schema& table, int64_t) {
    int64_t number = 0;
    for (const auto& of : table.columns) {
      const auto type = type_of(of.type);
      take({{"table_catalog", text_cell(with.cluster)},
            {"table_schema", text_cell("public")},
            {"table_name", text_cell(table.name)},
            {"column_name", text_cell(of.name)},
            {"ordinal_position", number_cell(++number)},
            {"column_default", null_cell()},
            {"is_nullable", text_cell("YES")},
            {"data_type", text_cell(type.written)},
            {"character_maximum_length", null_cell()},
            {"numeric_precision", null_cell()},
            {"numeric_scale", null_cell()},
            {"datetime_precision", null_cell()},
            {"udt_catalog", text_cell(with.cluster)},
            {"udt_schema", text_cell("pg_catalog")},
            {"udt_name", text_cell(type.name)},
            {"is_identity", text_cell("NO")},
            {"is_generated", text_cell("NEVER")},
            {"is_updatable", text_cell("NO")}});
    }
  });
}

struct relation {
  std::string_view name;
  int64_t oid; ///< As PostgreSQL has it; 0: a view.
  void (*fill)(const catalogue_facts&, const row_taker&);
};
constexpr std::array relations{
  relation{"pg_class", 1259, fill_class},
  relation{"pg_attribute", 1249, fill_attribute},
  relation{"pg_type", 1247, fill_type},
  relation{"pg_namespace", 2615, fill_namespace},
  relation{"pg_database", 1262, fill_database},
  relation{"pg_am", 2601, fill_am},
  relation{"pg_tablespace", 1213, fill_tablespace},
  relation{"pg_roles", 0, fill_roles},
  relation{"pg_authid", 1260, fill_roles},
  relation{"pg_user", 0, fill_user},
  relation{"pg_settings", 0, fill_settings},
  relation{"pg_tables", 0, fill_tables},
  relation{"pg_get_keywords", 0, fill_keywords},
  relation{"information_schema.schemata", 0, fill_schemata},
  relation{"information_schema.tables", 0, fill_schema_tables},
  relation{"information_schema.columns", 0, fill_schema_columns}};

/// Those that have no rows but are known by their numbers.
constexpr std::array<std::pair<std::string_view, int64_t>, 8> empty_relations{
  {{"pg_proc", 1255},
   {"pg_index", 2610},
   {"pg_constraint", 2606},
   {"pg_attrdef", 2604},
   {"pg_trigger", 2620},
   {"pg_description", 2609},
   {"pg_rewrite", 2618},
   {"pg_extension", 3079}}};

std::string without_quotes(std::string_view name) {
  if (name.size() < 2 || name.front() != '"' || name.back() != '"')
    return std::string{name};
  std::string out;
  for (size_t i = 1; i + 1 < name.size(); ++i) {
    out += name[i];
    i += name[i] == '"';
  }
  return out;
}

} // namespace

cell text_cell(std::string_view text) {
  return {std::string{text}, column_type::symbol, false};
}
cell number_cell(int64_t value) {
  return {std::to_string(value), column_type::long_, false};
}
cell truth_cell(bool value) {
  return {value ? "t" : "f", column_type::boolean, false};
}

const known_columns& columns_of_catalogue() {
  static const auto out = [] {
    table_schema sample;
    sample.name = "table";
    sample.columns.push_back({"column", column_type::long_});
    const tables_by_name tables{{sample.name, sample}};
    const session_settings settings;
    const catalogue_facts with{.tables = &tables, .settings = &settings};
    known_columns made;
    for (const auto& each : relations) {
      auto& columns = made[std::string{each.name}];
      each.fill(with, [&](const catalogue_row& row) {
        for (const auto& [name, value] : row)
          columns.try_emplace(std::string{name}, value.type);
      });
    }
    return made;
  }();
  return out;
}

void for_each_row(std::string_view name, const catalogue_facts& with,
                  const row_taker& take) {
  for (const auto& each : relations)
    if (each.name == name)
      return each.fill(with, take);
}

std::optional<int64_t> number_of_relation(std::string_view name,
                                          const catalogue_facts& with) {
  for (const std::string_view schema : {"public.", "pg_catalog."})
    if (name.starts_with(schema))
      name.remove_prefix(schema.size());
  const auto wanted = without_quotes(name);
  std::optional<int64_t> out;
  for_each_table(with, [&](const table_schema& table, int64_t oid) {
    if (table.name == wanted)
      out = oid;
  });
  for (const auto& each : relations)
    if (each.name == wanted && each.oid != 0)
      out = each.oid;
  for (const auto& [known, oid] : empty_relations)
    if (known == wanted)
      out = oid;
  return out;
}

std::optional<std::string> name_of_relation(int64_t number,
                                            const catalogue_facts& with) {
  std::optional<std::string> out;
  for_each_table(with, [&](const table_schema& table, int64_t oid) {
    if (oid == number)
      out = table.name;
  });
  for (const auto& each : relations)
    if (each.oid == number && number != 0)
      out = each.name;
  for (const auto& [known, oid] : empty_relations)
    if (oid == number)
      out = known;
  return out;
}

} // namespace millrace::nodes::postgres
