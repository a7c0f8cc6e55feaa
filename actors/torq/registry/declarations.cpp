#include <millrace/actors/torq/registry/declarations.hpp>

namespace millrace::torq {

namespace {

/// The first column that differs; empty: none does.
std::string difference(const table_schema& mine,
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

} // namespace

text::json_value declarations_of(const std::vector<table_schema>& tables) {
  auto out = text::json_value::object();
  for (const auto& table : tables) {
    auto& columns = out.add(table.name, text::json_value::object());
    for (const auto& column : table.columns)
      columns.add(column.name, std::string{to_string(column.type)});
  }
  return out;
}

std::vector<std::string>
differing_declarations(const std::vector<table_schema>& mine,
                       const text::json_value& theirs) {
  std::vector<std::string> out;
  for (const auto& table : mine)
    if (const auto& there = theirs.at(table.name); there.is_object())
      if (auto what = difference(table, there); !what.empty())
        out.push_back("table '" + table.name + "': " + what);
  return out;
}

} // namespace millrace::torq
