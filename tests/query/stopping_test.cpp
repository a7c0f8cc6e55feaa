#include <millrace/query/plan/split.hpp>

#include <gtest/gtest.h>

#include <set>

#include "counting_clock.hpp"
#include "sql_rows.hpp"

namespace millrace::query {
namespace {

using namespace testing_support;

constexpr size_t many_rows = 100'000;

const parts_of_tables& many_trades() {
  static const auto parts = [] {
    std::vector<placed_row> rows;
    for (size_t i = 0; i < many_rows; ++i)
      rows.push_back({{static_cast<int64_t>(i * 7919 % many_rows),
                       std::string(1, static_cast<char>('A' + i % 3)),
                       static_cast<double>(i % 1000), static_cast<int64_t>(i),
                       static_cast<int64_t>(i % 97), int64_t{1}}});
    parts_of_tables out;
    out["trade"].push_back(make_view(*sql_table("trade"), rows, {}));
    return out;
  }();
  return parts;
}

struct stops {
  int64_t looks = 0;            ///< Of a run to its end.
  std::set<std::string> wheres; ///< "while rows were gathered", ...
};

/// A question that is stopped at each of its looks in turn.
stops stops_of(const std::string& text) {
  auto request = parse_sql(text, sql_table, 0);
  if (!request) {
    ADD_FAILURE() << request.failure().context;
    return {};
  }
  counting_clock clock;
  run_options options{
    .stop = {.clock = &clock, .deadline_ns = inf_long, .table = "trade"}};
  const auto whole = run_tree(request->plan, many_trades(), options);
  EXPECT_TRUE(whole) << whole.failure().context;
  stops out{clock.looks, {}};
  for (int64_t at = 1; at <= out.looks; at += 1 + out.looks / 25) {
    clock.looks = 0;
    options.stop.deadline_ns = at;
    const auto cut = run_tree(request->plan, many_trades(), options);
    if (cut) {
      ADD_FAILURE() << text << ": goes on after look " << at;
      return out;
    }
    const std::string before = "passed its deadline ";
    const auto& told = cut.failure().context;
    EXPECT_EQ(cut.failure().code, errc::timeout) << told;
    out.wheres.insert(told.substr(told.find(before) + before.size()));
  }
  return out;
}

/// A query that nobody waits for ends within some ten thousands of rows of
/// whatever it does.
TEST(StoppingTest, WindowsAndJoinsLookInEachOfTheirSteps) {
  for (const auto* question :
       {"select lag(price) over (partition by sym order by time) from trade",
        "select first_value(size) over (partition by sym order by time) from "
        "trade",
        "select max(size) over (partition by sym order by time rows 5 "
        "preceding) from trade",
        "select a.price, b.size as other from trade a join (select size, lot "
        "from trade where size < 100) b on a.lot = b.lot where a.size < 90000",
        "select a.price, b.lot as other from trade a full join (select size, "
        "lot from trade where size > 50000) b on a.size = b.size"}) {
    const auto found = stops_of(question);
    EXPECT_TRUE(found.wheres.contains("while rows were gathered")) << question;
    EXPECT_GE(found.looks, static_cast<int64_t>(4 * many_rows / (1 << 16)))
      << question;
  }
}

} // namespace
} // namespace millrace::query
