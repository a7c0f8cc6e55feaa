#include <millrace/actors/torq/registry/declarations.hpp>
#include <millrace/messages/text/roll_calendar.hpp>

namespace millrace::torq {

namespace {

/// The first column that differs; empty: none does.
std::string differing_column(const table_schema& mine,
                             const text::json_value& theirs) {
  for (const auto& column : mine.columns) {
    const auto& there = theirs.at(column.name).text_or_empty();
    if (there.empty())
      return "column '" + column.name + "' is declared here, and not there";
    if (there != to_string(column.type))
      return "column '" + column.name + "' is "
             + std::string{to_string(column.type)} + " here, and " + there
             + " there";
  }
  for (const auto& [name, type] : theirs.entries())
    if (!mine.column_index(name))
      return "column '" + name + "' is declared there, and not here";
  return {};
}

std::string roll_of(const table_schema& table) {
  return text::roll_text(table.roll_zone, table.roll_offset_ns);
}

} // namespace

text::json_value declarations_of(const std::vector<table_schema>& tables) {
  auto out = text::json_value::object();
  for (const auto& table : tables) {
    auto columns = text::json_value::object();
    for (const auto& column : table.columns)
      columns.add(column.name, std::string{to_string(column.type)});
    out.add(table.name, {{"columns", std::move(columns)},
                         {"time", table.time_column},
                         {"symbol", table.symbol_column},
                         {"roll", roll_of(table)}});
  }
  return out;
}

std::string differing_place(const table_schema& mine,
                            const text::json_value& theirs) {
  const auto differs = [&](const char* key, const std::string& what,
                           const std::string& here) {
    const auto& there = theirs.at(key).text_or_empty();
    return here == there
             ? std::string{}
             : "the " + what + " is " + here + " here, and " + there + " there";
  };
  auto out = differs("time", "time column", mine.time_column);
  if (out.empty())
    out = differs("symbol", "symbol column", mine.symbol_column);
  if (out.empty())
    out = differs("roll", "roll rule", roll_of(mine));
  return out;
}

std::vector<std::string>
differing_declarations(const std::vector<table_schema>& mine,
                       const text::json_value& theirs) {
  std::vector<std::string> out;
  for (const auto& table : mine)
    if (const auto& there = theirs.at(table.name); there.is_object()) {
      auto what = differing_column(table, there.at("columns"));
      if (what.empty())
        what = differing_place(table, there);
      if (!what.empty())
        out.push_back("table '" + table.name + "': " + what);
    }
  return out;
}

} // namespace millrace::torq
