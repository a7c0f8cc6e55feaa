#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/nearest_name.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// "table 'trade' has no column 'prise'; did you mean 'price'?"
[[nodiscard]] inline std::string no_column(const table_schema& schema,
                                           std::string_view name) {
  std::vector<std::string> known;
  for (const auto& each : schema.columns)
    known.push_back(each.name);
  return "table '" + schema.name + "' has no column '" + std::string{name} + "'"
         + text::meant(name, known);
}

} // namespace millrace
