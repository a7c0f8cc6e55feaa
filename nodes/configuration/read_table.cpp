#include <millrace/messages/data/meant_type.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/configuration/read_table.hpp>

#include <utility>

namespace millrace::nodes {

namespace {

using text::in_quotes;
using text::meant;
using text::toml_faults;
using text::toml_kind;
using text::toml_section;

std::vector<std::string> names_of(const std::vector<stream_config>& streams) {
  std::vector<std::string> out;
  for (const auto& each : streams)
    out.push_back(each.name);
  return out;
}

/// What is wrong with the columns of a table.
struct column_faults {
  bool any = false;
  bool name = false; ///< Not all are known by their names.
};

column_faults read_columns(toml_section& at, toml_faults& faults,
                           table_config& into) {
  column_faults out;
  const auto* all = at.find("columns");
  if (!all || all->type != toml_kind::array) {
    at.fault("columns", all ? "expected an array of columns" : "is missing");
    return {true, true};
  }
  for (const auto& item : all->items) {
    column_schema column;
    std::string type;
    if (item.type == toml_kind::table) {
      toml_section column_at{item, "table.columns", faults};
      column.name = column_at.required_text("name");
      type = column_at.required_text("type");
      column_at.finish();
    } else if (const auto colon = item.text.find(':');
               item.type == toml_kind::text && colon != std::string::npos) {
      column.name = item.text.substr(0, colon);
      type = item.text.substr(colon + 1);
      out.any = out.any || type.empty();
      if (type.empty())
        faults.add(item, "table.columns",
                   "column " + in_quotes(column.name) + " has no type");
    } else {
      faults.add(item, "table.columns",
                 "expected \"name:type\" or {name = ..., type = ...}");
      out = {true, true};
      continue;
    }
    if (const auto known = column_type_of(type))
      column.type = *known;
    else if (!type.empty()) {
      out.any = true;
      faults.add(item, "table.columns",
                 "column " + in_quotes(column.name) + " has the unknown type "
                   + in_quotes(type) + meant_type(type));
    }
    out.name = out.name || column.name.empty();
    into.schema.columns.push_back(std::move(column));
    into.column_lines.push_back({item.line});
  }
  return out;
}

/// Which columns a table goes by, of one whose columns have faults of their
/// own: names that none of them has.
void check_roles(toml_section& at, const table_schema& schema) {
  for (const auto& [key, column] : {std::pair{"time", &schema.time_column},
                                    {"symbol", &schema.symbol_column}})
    if (!schema.column_index(*column))
      at.fault(at.has(key) ? key : "columns", std::string{key} + " column "
                                                + in_quotes(*column)
                                                + " is not a column");
}

} // namespace

std::string read_zone(toml_section& at, std::string_view key,
                      std::string fallback) {
  auto name = at.text(key, std::move(fallback));
  // One that comes from elsewhere is judged there.
  if (at.has(key) && !is_time_zone(name))
    at.fault(key, in_quotes(name) + " is not in the time zone database");
  return name;
}

table_config read_table(toml_section& at, toml_faults& faults,
                        const cluster_config& within) {
  table_config out;
  auto& schema = out.schema;
  schema.name = at.required_text("name");
  schema.version = static_cast<uint32_t>(at.integer("version", 1, 1 << 30, 1));
  out.stream = at.required_text("stream");
  if (!out.stream.empty() && !within.stream(out.stream))
    at.fault("stream", in_quotes(out.stream) + " is not a [[stream]]"
                         + meant(out.stream, names_of(within.streams)));
  if (within.table(schema.name))
    at.fault("name", in_quotes(schema.name) + " appears twice");
  const auto wrong = read_columns(at, faults, out);
  schema.time_column = at.text("time", "time");
  schema.symbol_column = at.text("symbol", "sym");
  const auto& rule = within.period.rule;
  schema.roll_zone = read_zone(at, "roll_zone", rule.zone);
  schema.roll_offset_ns = at.duration("roll_offset", -text::day_ns + 1,
                                      text::day_ns - 1, rule.roll_offset_ns());
  out.stamp = at.flag("stamp", false);
  // Only a table without other faults is judged as a whole.
  if (wrong.any && !wrong.name)
    check_roles(at, schema);
  if (!wrong.any && !wrong.name && !schema.name.empty()
      && !schema.columns.empty())
    if (auto fault = validate(schema))
      at.fault(at.has("columns") ? "columns" : "name", fault.context);
  return out;
}

} // namespace millrace::nodes
