#include <millrace/nodes/cli/cluster/text_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace millrace::nodes {

std::string cell_text(const text::json_value& value) {
  return value.is_null() ? "-" : value.text() ? *value.text() : value.dump();
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::string out;
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      out += i + 1 == row.size() ? row[i]
                                 : fmt::format("{:<{}}  ", row[i], widths[i]);
    out += '\n';
  }
  return out;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::fputs(table_text(rows).c_str(), stdout);
}

} // namespace millrace::nodes
