#include <millrace/query/front/qsql/constant.hpp>
#include <millrace/query/front/qsql/lowering_internal.hpp>

namespace millrace::query::qsql {

/// "meta trade", "cols select sum size by sym from trade", "tables[]",
/// "queries[]"
result<std::optional<told_rows>>
lowering::told(const node& last, const std::vector<std::string>& tables) {
  const auto function = function_of(last);
  if (function == "tables" && argument_count(last) < 2) {
    told_rows out{{{"table", column_type::symbol}}, {}};
    for (const auto& name : tables)
      out.rows.push_back({name});
    return std::optional{std::move(out)};
  }
  if (function == "queries" && argument_count(last) < 2) {
    told_rows out{{{"query", column_type::symbol},
                   {"parameters", column_type::symbol},
                   {"description", column_type::symbol}},
                  {}};
    if (named_.list)
      for (auto& each : named_.list())
        out.rows.push_back({std::move(each.name), std::move(each.parameters),
                            std::move(each.description)});
    return std::optional{std::move(out)};
  }
  if ((function != "meta" && function != "cols") || argument_count(last) != 1)
    return std::optional<told_rows>{};
  const auto from = table(argument(last, 0));
  if (!from)
    return from.failure();
  told_rows out;
  if (function == "cols")
    out.columns = {{"column", column_type::symbol}};
  else
    out.columns = {{"c", column_type::symbol},
                   {"t", column_type::char_},
                   {"f", column_type::symbol},
                   {"a", column_type::symbol}};
  for (const auto& column : from->plan.columns) {
    auto& row = out.rows.emplace_back();
    row.push_back(column.name);
    if (function == "meta")
      row.insert(row.end(), {std::string{letter_of(column.type)}, "", ""});
  }
  return std::optional{std::move(out)};
}

} // namespace millrace::query::qsql
