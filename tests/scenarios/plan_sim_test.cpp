// Plans of several steps, asked of whole clusters in the simulator.
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/table/result_text.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "traded_cluster.hpp"

namespace millrace::sim {
namespace {

/// A cluster that is asked in q.
class asked_cluster : public traded {
public:
  using traded::traded;

  /// The answer as CSV, or the fault.
  std::string csv(const std::string& question) {
    const text::json_value asked{{"language", "qsql"}, {"text", question}};
    auto got = w.ask<bundle, query_cut>(
      caf::actor_cast<gateway_actor>(w.find("gw1", "gw1")), 20s, query_atom_v,
      asked.dump());
    if (!got)
      return to_string(got.failure());
    const auto table = query::joined_rows(std::get<0>(*got).here);
    return table ? query::to_text(*table, query::result_format::csv)
                 : to_string(table.failure());
  }

  /// Trades go on by themselves, and the period ends, for about as long as a
  /// question takes.
  void trade_meanwhile(int64_t period) {
    for (int i = 1; i <= 40; ++i)
      w.after(i * 100us, [this] { send(1); });
    w.after(std::chrono::microseconds{w.draw(4000)}, [this, period] {
      w.request<position>(
        caf::actor_cast<sequencer_actor>(w.find("rt1", "rt/market")), 60s,
        [](const auto&) {}, end_period_atom_v, period_id{period});
    });
  }
};

/// What is computed, joined and run in the gateway does not tell the stores
/// apart: the same rows answer the same when half of them, and when all, lie in
/// the hdb.
TEST(PlanSim, AnswersStayWhenRowsMoveToTheHdb) {
  auto config = nodes::load_configuration(
    persistence::posix_file_system(),
    test_support::source_path("examples/local.toml"));
  ASSERT_TRUE(config) << to_string(config.failure());
  asked_cluster run{11, *config};
  const std::vector<std::string> questions{
    "select notional:sum price*size, last size by sym from trade",
    "`time xasc aj[`sym`time;select time,sym,size from trade where sym=`A;"
    "select sym,time,price,other:2*size from trade]",
    "`time xasc update total:sums size,change:deltas size by sym from trade",
    "select n:count i by big:size>500 from trade where not null sym",
    "(select time,sym,size from `time xasc trade) lj "
    "select volume:sum size by sym from trade",
    // Joined in the stores.
    "select n:count i,same:sum size=other,total:sum other by sym from "
    "aj[`sym`time;select time,sym,size from trade;select "
    "sym,time,other:size from trade]",
    "select n:count i,found:sum not null other,total:sum other by sym from "
    "aj[`sym`time;select time,sym,size from trade;select "
    "sym,time,other:size from trade where 0=size mod 7]",
  };
  run.trade(200);
  run.end_period(9000);
  run.trade(150);
  run.expect_all();
  std::vector<std::string> before;
  for (const auto& each : questions)
    before.push_back(run.csv(each));
  for (const auto& each : before)
    EXPECT_GT(std::count(each.begin(), each.end(), '\n'), 1) << each;
  std::string volumes_text = "sym,size\n";
  for (const auto& [sym, size] : run.expected)
    volumes_text += sym + "," + std::to_string(size) + "\n";
  EXPECT_EQ(run.csv("select sum size by sym from trade"), volumes_text);
  run.end_period(9001);
  run.expect_all();
  for (size_t i = 0; i < questions.size(); ++i)
    EXPECT_EQ(run.csv(questions[i]), before[i]) << questions[i];
  EXPECT_NE(run.csv("select price+sym from trade").find("symbol"),
            std::string::npos);
  run.expect_no_defects();
}

/// Both sides of a join are of one moment, also while trades come and a period
/// ends: counted twice, they are as many.
TEST(PlanSim, AllTablesOfAQuestionAreCutAtOnePlace) {
  auto config = nodes::load_configuration(
    persistence::posix_file_system(),
    test_support::source_path("examples/local.toml"));
  ASSERT_TRUE(config) << to_string(config.failure());
  asked_cluster run{12, *config};
  run.trade(100);
  run.expect_all();
  for (int64_t period = 9000; period < 9008; ++period) {
    run.trade_meanwhile(period);
    const auto text = run.csv(
      period % 2 == 0 ? "(select n:count i by sym from trade) lj "
                        "select m:count i by sym from trade"
                      : "select n:count i,m:sum not null other by sym from "
                        "aj[`sym`time;select time,sym from trade;select "
                        "sym,time,other:size from trade]");
    std::istringstream lines{text};
    std::string line;
    std::getline(lines, line);
    ASSERT_EQ(line, "sym,n,m");
    while (std::getline(lines, line)) {
      const auto first = line.find(',');
      const auto second = line.find(',', first + 1);
      EXPECT_EQ(line.substr(first + 1, second - first - 1),
                line.substr(second + 1))
        << text;
    }
    run.w.run_for(1s);
  }
  run.expect_all();
  run.expect_no_defects();
}

} // namespace
} // namespace millrace::sim
