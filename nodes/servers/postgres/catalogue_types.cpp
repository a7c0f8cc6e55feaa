#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>

#include <algorithm>

// Implements, of catalogue_internal.hpp, the types.

namespace millrace::nodes::postgres {

const std::vector<catalogue_type>& catalogue_types() {
  // Numbers and sizes as PostgreSQL has them, pg_type.dat.
  static const auto out = [] {
    std::vector<catalogue_type> types{
      {16, 1, "bool", "boolean", 'B', 1000},
      {17, -1, "bytea", "bytea", 'U', 1001},
      {18, 1, "char", "\"char\"", 'Z', 1002},
      {19, 64, "name", "name", 'S', 1003},
      {20, 8, "int8", "bigint", 'N', 1016},
      {21, 2, "int2", "smallint", 'N', 1005},
      {23, 4, "int4", "integer", 'N', 1007},
      {24, 4, "regproc", "regproc", 'N', 1008},
      {25, -1, "text", "text", 'S', 1009},
      {26, 4, "oid", "oid", 'N', 1028},
      {114, -1, "json", "json", 'U', 199},
      {700, 4, "float4", "real", 'N', 1021},
      {701, 8, "float8", "double precision", 'N', 1022},
      {705, -2, "unknown", "unknown", 'X', 0},
      {1042, -1, "bpchar", "character", 'S', 1014},
      {1043, -1, "varchar", "character varying", 'S', 1015},
      {1082, 4, "date", "date", 'D', 1182},
      {1083, 8, "time", "time without time zone", 'D', 1183},
      {1114, 8, "timestamp", "timestamp without time zone", 'D', 1115},
      {1184, 8, "timestamptz", "timestamp with time zone", 'D', 1185},
      {1186, 16, "interval", "interval", 'T', 1187},
      {1700, -1, "numeric", "numeric", 'N', 1231},
      {2205, 4, "regclass", "regclass", 'N', 2210},
      {2206, 4, "regtype", "regtype", 'N', 2211},
      {2950, 16, "uuid", "uuid", 'U', 2951}};
    const auto count = types.size();
    for (size_t i = 0; i < count; ++i)
      if (const auto of = types[i]; of.array != 0)
        types.push_back(
          {of.array, -1, "_" + of.name, of.written + "[]", 'A', 0, of.oid});
    return types;
  }();
  return out;
}

const catalogue_type* find_type(std::string_view name) {
  const auto wanted = text::lower_case(name);
  std::string_view plain{wanted};
  if (plain.starts_with("pg_catalog."))
    plain.remove_prefix(sizeof "pg_catalog." - 1);
  const auto& types = catalogue_types();
  const auto found
    = std::find_if(types.begin(), types.end(), [&](const auto& each) {
        return each.name == plain || each.written == plain;
      });
  return found == types.end() ? nullptr : &*found;
}

const catalogue_type* find_type(int64_t oid) {
  const auto& types = catalogue_types();
  const auto found
    = std::find_if(types.begin(), types.end(),
                   [&](const auto& each) { return each.oid == oid; });
  return found == types.end() ? nullptr : &*found;
}

} // namespace millrace::nodes::postgres
