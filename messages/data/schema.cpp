#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/schema/table.capnp.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace millrace {

namespace {

constexpr size_t name_bytes_max = 64;
constexpr size_t column_count_max = 4096;

bool well_formed(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max)
    return false;
  auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  return letter(name.front())
         && std::all_of(name.begin(), name.end(), [&](char c) {
              return letter(c) || std::isdigit(static_cast<unsigned char>(c));
            });
}

error invalid(const table_schema& schema, const std::string& what) {
  return {errc::invalid_argument, "table '" + schema.name + "': " + what};
}

} // namespace

std::optional<size_t>
table_schema::column_index(std::string_view column) const noexcept {
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == column)
      return i;
  return std::nullopt;
}

error validate(const table_schema& schema) {
  if (!well_formed(schema.name))
    return invalid(schema, "the name is not [A-Za-z_][A-Za-z0-9_]{0,63}");
  if (schema.columns.empty() || schema.columns.size() > column_count_max)
    return invalid(schema, "needs 1 to 4096 columns, has "
                             + std::to_string(schema.columns.size()));
  std::set<std::string_view> seen;
  for (const auto& column : schema.columns) {
    if (!well_formed(column.name))
      return invalid(schema, "column name '" + column.name
                               + "' is not [A-Za-z_][A-Za-z0-9_]{0,63}");
    if (!seen.insert(column.name).second)
      return invalid(schema, "column '" + column.name + "' appears twice");
    if (width_of(column.type) == 0)
      return invalid(schema, "column '" + column.name + "' has no known type");
  }
  const auto time = schema.column_index(schema.time_column);
  if (!time)
    return invalid(schema,
                   "time column '" + schema.time_column + "' is not a column");
  if (schema.columns[*time].type != column_type::timestamp)
    return invalid(schema,
                   "time column '" + schema.time_column + "' is "
                     + std::string{to_string(schema.columns[*time].type)}
                     + ", not timestamp");
  const auto symbol = schema.column_index(schema.symbol_column);
  if (!symbol)
    return invalid(schema, "symbol column '" + schema.symbol_column
                             + "' is not a column");
  if (schema.columns[*symbol].type != column_type::symbol)
    return invalid(schema, "symbol column '" + schema.symbol_column
                             + "' is not of type symbol");
  return {};
}

std::vector<std::byte> encode(const table_schema& schema) {
  ::capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::TableSchema>();
  root.setName(schema.name);
  root.setVersion(schema.version);
  auto columns = root.initColumns(static_cast<unsigned>(schema.columns.size()));
  for (unsigned i = 0; i < columns.size(); ++i) {
    columns[i].setName(schema.columns[i].name);
    columns[i].setType(static_cast<uint8_t>(schema.columns[i].type));
  }
  root.setTimeColumn(schema.time_column);
  root.setSymbolColumn(schema.symbol_column);
  root.setRollZone(schema.roll_zone);
  root.setRollOffsetNs(schema.roll_offset_ns);
  return messages::to_bytes(builder);
}

result<table_schema> decode_table_schema(const std::byte* data, size_t size) {
  return messages::read_as<schema::TableSchema>(
    {data, size}, [](schema::TableSchema::Reader root) -> result<table_schema> {
      table_schema out;
      out.name = root.getName();
      out.version = root.getVersion();
      for (auto column : root.getColumns())
        out.columns.push_back(
          {column.getName(), static_cast<column_type>(column.getType())});
      out.time_column = root.getTimeColumn();
      out.symbol_column = root.getSymbolColumn();
      out.roll_zone = root.getRollZone();
      out.roll_offset_ns = root.getRollOffsetNs();
      if (auto fault = validate(out))
        return error{errc::malformed_message, fault.context};
      return out;
    });
}

} // namespace millrace
