#pragma once

#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sql_tables.hpp"

/// Questions over the tables of sql_tables.hpp, and their rows as text.
namespace millrace::query::testing_support {

/// Rows as CSV, "/" between them, without the header.
inline std::string rows_of(plan_node plan) {
  auto table = run_tree(std::move(plan), sql_parts());
  if (!table)
    return table.failure().context;
  auto text = to_text(*table, result_format::csv);
  std::string out;
  for (size_t i = text.find('\n') + 1; i < text.size(); ++i)
    if (text[i] != '\r')
      out += text[i] == '\n' ? '/' : text[i];
  if (!out.empty())
    out.pop_back();
  return out;
}

inline std::string sql_rows(std::string_view text) {
  auto request = parse_sql(text, sql_table, 0);
  return request ? rows_of(std::move(request->plan))
                 : request.failure().context;
}

inline std::string q_rows(std::string_view text) {
  auto request = parse_qsql(text, sql_table, 0);
  return request ? rows_of(std::move(request->plan))
                 : request.failure().context;
}

struct sql_case {
  std::string_view text;
  std::string_view rows;
};

inline void expect_rows(const std::vector<sql_case>& cases) {
  for (const auto& [text, rows] : cases)
    EXPECT_EQ(sql_rows(text), rows) << text;
}

} // namespace millrace::query::testing_support
