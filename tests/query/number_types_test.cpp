#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/table/result_text.hpp>

#include <gtest/gtest.h>

#include "plan_support.hpp"

// Whole numbers have more digits than a real has: beside one they are floats.

namespace millrace::query {
namespace {

using testing_support::placed_row;

const table_schema* digits_table(std::string_view name) {
  static const auto schema = [] {
    table_schema out;
    out.name = "digits";
    out.columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
         {"r", column_type::real},         {"l", column_type::long_},
         {"i", column_type::int_},         {"b", column_type::byte_}};
    out.time_column = "time";
    out.symbol_column = "sym";
    return out;
  }();
  return name == schema.name ? &schema : nullptr;
}

/// The second row's real is the first one's long without its last digit.
std::string rows_of(result<plan_node> plan) {
  if (!plan)
    return to_string(plan.failure());
  constexpr int64_t l = 1'099'511'627'777;
  constexpr int64_t i = 16'777'217;
  std::vector<placed_row> rows{
    {{int64_t{1}, std::string{"A"}, 0.5, l, i, int64_t{5}}},
    {{int64_t{2}, std::string{"B"}, 1'099'511'627'776.0, l, i, int64_t{7}}}};
  auto table = testing_support::run_tree(
    *std::move(plan),
    {{"digits", {make_view(*digits_table("digits"), rows, {})}}});
  if (!table)
    return to_string(table.failure());
  auto text = to_text(*table, result_format::csv);
  text.erase(0, text.find('\n') + 1);
  return text;
}

std::string in_sql(std::string_view text) {
  auto request = parse_sql(text, digits_table, 0);
  return rows_of(request ? result<plan_node>{std::move(request->plan)}
                         : result<plan_node>{request.failure()});
}

std::string in_q(std::string_view text) {
  auto request = parse_qsql(text, digits_table, 0);
  return rows_of(request ? result<plan_node>{std::move(request->plan)}
                         : result<plan_node>{request.failure()});
}

TEST(NumberTypesTest, SqlReckonsWithRealsAndWholeNumbersInFloats) {
  const std::pair<const char*, const char*> cases[] = {
    {"l + r", "1099511627777.5"},
    {"r + l", "1099511627777.5"},
    {"i + r", "16777217.5"},
    {"i - r", "16777216.5"},
    {"r - i", "-16777216.5"},
    {"i * r", "8388608.5"},
    {"r * 16777217", "8388608.5"},
    {"i / r", "33554434"},
    {"(l + i) % r", "0"},
    {"mod(i + 1, r + r + r)", "0"},
    {"greatest(r, l)", "1099511627777"},
    {"greatest(l, r)", "1099511627777"},
    {"least(r + 2199023255552, l)", "1099511627777"},
    {"coalesce(nullif(r, 0.5), l)", "1099511627777"},
    {"coalesce(nullif(l, l), r)", "0.5"},
    {"case when i < 0 then r else l end", "1099511627777"},
    {"case when i < 0 then r when i > 0 then i end", "16777217"},
    {"-(i + r)", "-16777217.5"},
    {"abs(r - i)", "16777216.5"},
  };
  for (const auto& [what, value] : cases)
    EXPECT_EQ(in_sql(std::string{"select "} + what
                     + " as x from digits where sym = 'A'"),
              std::string{value} + '\n')
      << what;
}

/// A byte has no null of its own.
TEST(NumberTypesTest, SqlHasNullsWhereBytesAreNone) {
  const std::pair<const char*, const char*> cases[] = {
    {"select coalesce(max(b), -1) as x from digits where false", "-1\n"},
    {"select coalesce(min(b), -1) as x from digits where l < 0", "-1\n"},
    {"select max(b) as x, min(b) as y from digits", "7,5\n"},
    {"select count(nullif(b, b)) as x from digits", "0\n"},
    {"select min(nullif(b, 5)) as x from digits", "7\n"},
    {"select count(*) from digits where nullif(b, 5) is null", "1\n"},
    {"select count(case when b > 5 then b end) as x from digits", "1\n"},
    {"select avg(case when b > 5 then b end) as x from digits", "7\n"},
    {"select coalesce(max(case when b > 9 then b end), -1) as x from digits",
     "-1\n"},
    {"select coalesce((select max(b) from digits where l < 0), -1) as x "
     "from digits where sym = 'A'",
     "-1\n"},
  };
  for (const auto& [text, rows] : cases)
    EXPECT_EQ(in_sql(text), rows) << text;
}

TEST(NumberTypesTest, SqlComparesJoinsAndUnitesThemAsFloats) {
  const std::pair<const char*, const char*> cases[] = {
    {"select count(*) from digits where i + r = 16777217.5", "1\n"},
    {"select count(*) from digits where l = r + 1", "1\n"},
    {"select count(*) from digits where l in (select r from digits)", "0\n"},
    {"select count(*) from digits a join digits b on a.l = b.r", "0\n"},
    {"select count(*) from digits a join digits b on a.l = b.r + 1", "2\n"},
    {"select sum(i * r) as s from digits where sym = 'A'", "8388608.5\n"},
    {"select max(i) + max(r) as s from digits where sym = 'A'", "16777217.5\n"},
    {"select r as x from digits where sym = 'A' union all select l from digits "
     "where sym = 'A'",
     "0.5\n1099511627777\n"},
    {"select l as x from digits where sym = 'A' union select r from digits "
     "order by x",
     "0.5\n1099511627776\n1099511627777\n"},
    {"select lag(r, 1, l) over (order by time) as x from digits",
     "1099511627777\n0.5\n"},
    {"select lag(l, 1, 0.5) over (order by time) as x from digits",
     "0.5\n1099511627777\n"},
    {"select sum(case when sym = 'B' then i else r end) as x from digits",
     "16777217.5\n"},
  };
  for (const auto& [text, rows] : cases)
    EXPECT_EQ(in_sql(text), rows) << text;
}

TEST(NumberTypesTest, InQAReckonedRealStaysOne) {
  const std::pair<const char*, const char*> cases[] = {
    {"x:i+r", "16777218\n"},
    {"x:i*1e", "16777216\n"},
    {"x:r|l", "1099511627777\n"},
    {"x:(2*l)&l|r", "1099511627777\n"},
    {"x:?[i<0;r;l]", "1099511627777\n"},
    {"x:l^0Ne", "1099511627777\n"},
    {"x:r^0N", "0.5\n"},
    {"x:r|2h", "2\n"},
  };
  for (const auto& [what, rows] : cases)
    EXPECT_EQ(in_q(std::string{"select "} + what + " from digits where sym=`A"),
              rows)
      << what;
}

} // namespace
} // namespace millrace::query
