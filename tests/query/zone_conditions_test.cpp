#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/plan/split.hpp>
#include <millrace/query/plan/zone_conditions.hpp>

#include <gtest/gtest.h>

#include <random>

#include "sql_rows.hpp"

namespace millrace::query {
namespace {

using testing_support::sql_table;
using text::day_ns;

/// What the store of a question's only table is asked for.
logical_plan fragment_of(plan_node plan) {
  if (auto fault = resolve(plan))
    ADD_FAILURE() << fault.context;
  auto parts = split(plan);
  if (!parts || parts->fragments.size() != 1) {
    ADD_FAILURE() << "no plan of one store";
    return {};
  }
  return parts->fragments[0];
}

logical_plan of_sql(const std::string& condition) {
  auto request
    = parse_sql("select lot from trade where " + condition, sql_table, 0);
  if (!request) {
    ADD_FAILURE() << request.failure().context;
    return {};
  }
  return fragment_of(std::move(request->plan));
}

logical_plan of_q(const std::string& condition) {
  auto request
    = parse_qsql("select lot from trade where " + condition, sql_table, 0);
  if (!request) {
    ADD_FAILURE() << request.failure().context;
    return {};
  }
  return fragment_of(std::move(request->plan));
}

/// Whether rows of 2024.01.02 may pass. @param nulls among the times
bool may_pass_second(const logical_plan& plan, bool nulls = false) {
  const auto day = *text::parse_date("2024.01.02") * day_ns;
  zone_conditions conditions{plan};
  return conditions.may_pass(
    [&](std::string_view column) -> std::optional<whole_bounds> {
      if (column == "time")
        return whole_bounds{nulls ? null_long : day, day + day_ns - 1};
      if (column == "lot")
        return whole_bounds{3, 5};
      return std::nullopt;
    });
}

TEST(ZoneConditionsTest, SayWhichDatesCanHoldNoRow) {
  for (const auto* condition :
       {"date in ('2024-01-01', '2024-01-03')",
        "date = '2024-01-01' or date = '2024-01-03'",
        "date <> '2024-01-02'",
        "not date = '2024-01-02'",
        "time::date = '2024-01-03'",
        "date < '2024-01-02'",
        "date > '2024-01-02'",
        "not date <= '2024-01-02'",
        "date not between '2024-01-02' and "
        "'2024-01-04'",
        "time < '2024-01-02' or time >= '2024-01-03'",
        "(date = '2024-01-02' and lot = 7) or date = '2024-01-03'",
        "not (date = '2024-01-02' or sym = 'A')",
        "lot = 1 or lot > 5",
        "lot not in (3, 4, 5) and date = '2024-01-03'",
        "lot is null",
        "time is null",
        "date_trunc('day', time) = '2024-01-03'",
        "date_trunc('hour', time) >= '2024-01-03'",
        "date_trunc('month', time) = '2024-02-01'",
        "date_trunc('week', time) = '2024-01-08'",
        "time_bucket('15 minutes', time) < '2024-01-02'",
        "extract(year from time) = 2023",
        "extract(month from time) > 1",
        "extract(day from time) in (1, 3)",
        "extract(dow from time) = 3",
        "time + interval '1 day' < '2024-01-03'",
        "lot + 1 > 6",
        "case when date = '2024-01-02' then lot else 7 end = 7",
        "case when lot > 1 then date = '2024-01-03' else true end",
        "time::date - 1 = '2024-01-02'"})
    EXPECT_FALSE(may_pass_second(of_sql(condition))) << condition;
  for (const auto* condition :
       {"date in ('2024-01-01', '2024-01-02')",
        "date = '2024-01-02' or date = '2024-01-03'",
        "date <> '2024-01-03'",
        "not date = '2024-01-03'",
        "time::date = '2024-01-02'",
        "date <= '2024-01-02'",
        "date >= '2024-01-02'",
        "date = '2024-01-03' or sym = 'A'",
        "date = '2024-01-03' or lot = 3",
        "not (date = '2024-01-03' and lot = 3)",
        "lot not in (3, 5)",
        "lot <> 4",
        "lot is not null",
        "size > 1",
        "price > 1 or lot = 9",
        "date_trunc('day', time) = '2024-01-02'",
        "date_trunc('hour', time) >= '2024-01-02T23:00'",
        "extract(day from time) = 2",
        "extract(hour from time) = 23",
        "lot + size > 6",
        "lot + 1 = 6",
        "case when price > 2 then lot else 7 end = 7",
        "time + interval '1 day' < '2024-01-03T00:00:01'"})
    EXPECT_TRUE(may_pass_second(of_sql(condition))) << condition;
}

TEST(ZoneConditionsTest, NullsAreTheSmallestOfAll) {
  EXPECT_FALSE(may_pass_second(of_q("date<>2024.01.02")));
  EXPECT_TRUE(may_pass_second(of_q("date<>2024.01.02"), true));
  EXPECT_FALSE(may_pass_second(of_q("date<2024.01.02")));
  EXPECT_TRUE(may_pass_second(of_q("date<2024.01.02"), true));
  EXPECT_FALSE(may_pass_second(of_q("date>2024.01.02"), true));
  EXPECT_FALSE(may_pass_second(of_q("null time")));
  EXPECT_TRUE(may_pass_second(of_q("null time"), true));
}

/// A condition of columns, constants and what joins them, by chance.
std::string condition_of(std::mt19937_64& random, int depth) {
  const auto pick = [&](std::initializer_list<const char*> of) {
    return std::string{of.begin()[random() % of.size()]};
  };
  if (depth > 0 && random() % 3 != 0) {
    const auto a = condition_of(random, depth - 1);
    const auto b = condition_of(random, depth - 1);
    switch (random() % 3) {
      case 0:
        return "(" + a + ")and " + b;
      case 1:
        return "(" + a + ")or " + b;
      default:
        return "not " + a;
    }
  }
  const auto number = std::to_string(static_cast<int64_t>(random() % 6) - 2);
  const auto day = "2000.01.0" + std::to_string(random() % 5 + 1);
  const auto sign = pick({"=", "<>", "<", ">", "<=", ">="});
  switch (random() % 14) {
    case 0:
      return "lot" + sign + number;
    case 1:
      return "size" + sign + number;
    case 2:
      return "date" + sign + day;
    case 3:
      return "time" + sign + day + "D0" + std::to_string(random() % 10);
    case 4:
      return "lot in (0;" + number + ")";
    case 5:
      return "date within (2000.01.02;" + day + ")";
    case 6:
      return "(lot" + pick({"+", "-", " mod ", " div "}) + number + ")" + sign
             + std::to_string(random() % 3);
    case 7:
      return "(" + pick({"2 xbar lot", "3 xbar size", "lot-size", "lot+size"})
             + ")" + sign + number;
    case 8:
      return "(time+" + pick({"1D", "-0D05", "12:00"}) + ")" + sign + day + "D0"
             + std::to_string(random() % 10);
    case 9:
      return "(" + pick({"1D", "0D06", "0D00:45"}) + " xbar time)" + sign + day;
    case 10:
      return pick({"(`date$time)", "(`month$time)", "(`month$date)"}) + sign
             + pick({"2000.01.02", "2000.01.31", "2000.02.01"});
    case 11:
      return "(?[lot>" + number + ";lot;size])" + sign + number;
    case 12:
      return "(`long$date)" + sign + std::to_string(random() % 6);
    default:
      return pick({"null lot", "null size", "size>lot", "lot=0Ni", "size<0N"});
  }
}

TEST(ZoneConditionsTest, LetPassWhatTheRowsThemselvesPass) {
  std::mt19937_64 random{20240102};
  int left_out = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<testing_support::placed_row> rows;
    whole_bounds times{inf_long, null_long};
    whole_bounds lots{inf_long, null_long};
    whole_bounds sizes{inf_long, null_long};
    const auto take = [](whole_bounds& bounds, int64_t value) {
      bounds.low = std::min(bounds.low, value);
      bounds.high = std::max(bounds.high, value);
      return value;
    };
    const auto first = static_cast<int64_t>(random() % 5) * day_ns;
    for (auto count = random() % 3 + 1; count > 0; --count) {
      const auto number = [&] {
        return random() % 6 == 0 ? null_long
                                 : static_cast<int64_t>(random() % 6) - 2;
      };
      rows.push_back(testing_support::placed_row{
        {take(times,
              first
                + static_cast<int64_t>(random() % 40) * text::minute_ns * 60),
         std::string{"A"}, 1.0, take(sizes, number()), take(lots, number()),
         int64_t{1}}});
    }
    auto request = parse_qsql(
      "select lot from trade where " + condition_of(random, 3), sql_table, 0);
    ASSERT_TRUE(request) << request.failure().context;
    testing_support::parts_of_tables parts;
    parts["trade"].push_back(
      testing_support::make_view(*sql_table("trade"), rows, {}));
    const auto found = testing_support::run_tree(request->plan, parts);
    ASSERT_TRUE(found) << found.failure().context;
    const auto text = to_text(*found, result_format::csv);
    const bool passes = std::count(text.begin(), text.end(), '\n') > 1;
    const auto plan = fragment_of(std::move(request->plan));
    zone_conditions conditions{plan};
    const bool may = conditions.may_pass([&](std::string_view column) {
      return column == "time"   ? std::optional{times}
             : column == "lot"  ? std::optional{lots}
             : column == "size" ? std::optional{sizes}
                                : std::nullopt;
    });
    ASSERT_TRUE(may || !passes) << query::to_string(plan);
    left_out += !may;
  }
  EXPECT_GT(left_out, 400);
}

} // namespace
} // namespace millrace::query
