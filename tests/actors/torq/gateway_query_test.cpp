// A GATEWAY QUERY between stores that hold some rows, and a QUERY JOB alone:
// what is finished by whom, and what needs a thread of the pool.

#include <millrace/actors/torq/gateway/gateway_query.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/query/execution/rows_view.hpp>
#include <millrace/tests/support/manual_clock.hpp>
#include <millrace/tests/support/queued_executor.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace millrace::torq {
namespace {

/// The number of rows by symbol, of "A" or "B".
query::logical_plan counts_by_symbol() {
  query::logical_plan plan;
  plan.table = "trade";
  plan.types = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
  plan.time_column = plan.order_column = "time";
  plan.symbol_column = "sym";
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{query::aggregate_function::count, {}, "n"}};
  return plan;
}

/// So many rows of each symbol, one after the other.
query::table_data rows_of(const std::vector<std::string>& symbols,
                          int64_t each) {
  query::table_data out;
  query::column_data time{"time", column_type::timestamp, {}, {}, {}};
  query::column_writer sym{"sym", column_type::symbol};
  for (const auto& symbol : symbols)
    for (int64_t i = 0; i < each; ++i) {
      time.push(static_cast<int64_t>(out.row_count++));
      sym.append_text(symbol);
    }
  out.columns = {std::move(time), *sym.finish()};
  return out;
}

/// A store, and what it was told.
struct asked_store {
  query::table_data rows;
  bool is_old = false; ///< Of a release that finishes nothing.
  std::optional<bool> alone;
  chunks gave;

  bundle answer(const chunk& bytes) {
    auto plan = query::decode_plan(bytes.bytes());
    EXPECT_TRUE(plan);
    alone = plan->alone;
    if (is_old)
      plan->alone = false;
    auto view = query::view_of(rows);
    EXPECT_TRUE(view);
    auto found = query::execute(*plan, {*std::move(view)});
    EXPECT_TRUE(found);
    gave = encode(*found);
    return {gave, 0, nullptr};
  }
};

caf::behavior store(caf::event_based_actor*,
                    std::shared_ptr<asked_store> held) {
  return {[held](query_atom, const chunk& plan, const rows_after&) {
            return caf::make_message(held->answer(plan), rdb_cut{{20}});
          },
          [held](query_atom, const chunk& plan, manifest_version) {
            return caf::make_message(held->answer(plan),
                                     partition_cut{manifest_version{1}, {10}});
          }};
}

struct query_settings : caf::actor_system_config {
  query_settings() {
    messages::register_with(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

struct gateway_query_test : testing::Test {
  gateway_query_test() {
    world.clock = &clock;
    world.pool = &pool;
  }
  ~gateway_query_test() override {
    for (const auto& each : all)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    run();
    dynamic_cast<caf::detail::test_actor_clock&>(scheduler().clock())
      .cancel_all();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() {
    while (scheduler().try_run_once()) {
    }
  }

  /// Puts the question to these stores.
  void ask(bool wants_hdb, bool wants_rdb) {
    auto made = std::make_shared<gateway_request>();
    made->plan = counts_by_symbol();
    auto& question = made->question;
    question.table = "trade";
    question.stream = "market";
    question.deadline_ns = 1'000'000'000'000;
    question.wants_hdb = wants_hdb;
    question.wants_rdb = wants_rdb;
    question.rdbs = {"rdb1"};
    question.hdbs.push_back({"hdb1", partition_cut{manifest_version{1}, {10}}});
    for (const auto& [name, held] : {std::pair{"rdb1", rdb}, {"hdb1", hdb}}) {
      torq::backend one;
      one.row.name = name;
      one.handle = caf::actor_cast<caf::strong_actor_ptr>(
        all.emplace_back(system.spawn(store, held)));
      made->add(one);
    }
    const auto asked = system.spawn(
      gateway_query, &world, std::shared_ptr<const gateway_request>{made});
    self->send(caf::actor_cast<caf::actor>(asked), start_atom::value);
    run();
  }
  /// What came for an answer, as "symbol=count" one after the other.
  std::string answer() {
    std::string out = "nothing";
    self->receive(
      [&](const chunks& messages, const query_cut&) {
        given = messages;
        auto rows = query::joined_rows(messages);
        ASSERT_TRUE(rows) << to_string(rows.failure());
        out.clear();
        for (uint64_t row = 0; row < rows->row_count; ++row)
          out += std::string{rows->columns.at(0).text(row)} + "="
                 + std::to_string(rows->columns.at(1).as<int64_t>()[row]) + " ";
      },
      [&](const caf::error& fault) { out = to_string(from_caf(fault)); },
      caf::after(caf::timespan{0}) >> [] {});
    return out;
  }

  query_settings how;
  caf::actor_system system{how};
  test_support::manual_clock clock;
  test_support::queued_executor pool;
  persistence::env world;
  std::vector<caf::actor> all;
  std::shared_ptr<asked_store> rdb = std::make_shared<asked_store>();
  std::shared_ptr<asked_store> hdb = std::make_shared<asked_store>();
  chunks given;
  caf::scoped_actor self{system, true};
};

using GatewayQueryTest = gateway_query_test;
using QueryJobTest = gateway_query_test;

TEST_F(GatewayQueryTest, AStoreThatIsAskedAloneGivesTheResultItself) {
  rdb->rows = rows_of({"B", "A"}, 3);
  ask(false, true);
  EXPECT_EQ(rdb->alone, true);
  EXPECT_EQ(hdb->alone, std::nullopt);
  EXPECT_TRUE(pool.empty());
  EXPECT_EQ(answer(), "A=3 B=3 ");
  ASSERT_EQ(given.size(), rdb->gave.size());
  for (size_t i = 0; i < given.size(); ++i)
    EXPECT_TRUE(std::ranges::equal(given[i].bytes(), rdb->gave[i].bytes()));
}

TEST_F(GatewayQueryTest, StoresThatAreAskedTogetherAreMerged) {
  rdb->rows = rows_of({"B", "A"}, 3);
  hdb->rows = rows_of({"C", "B"}, 5);
  ask(true, true);
  EXPECT_EQ(rdb->alone, false);
  EXPECT_EQ(hdb->alone, false);
  // So little needs no other thread.
  EXPECT_TRUE(pool.empty());
  EXPECT_EQ(answer(), "A=3 B=8 C=5 ");
}

TEST_F(GatewayQueryTest, AnOldStoreThatIsAskedAloneIsMerged) {
  hdb->rows = rows_of({"B", "A"}, 2);
  hdb->is_old = true;
  ask(true, false);
  EXPECT_EQ(hdb->alone, true);
  EXPECT_EQ(answer(), "A=2 B=2 ");
}

TEST_F(GatewayQueryTest, MuchIsMergedOnThePool) {
  std::vector<std::string> symbols;
  for (int i = 100; i < 600; ++i)
    symbols.push_back("S" + std::to_string(i));
  rdb->rows = rows_of(symbols, 1);
  hdb->rows = rows_of(symbols, 1);
  ask(true, true);
  EXPECT_EQ(answer(), "nothing");
  ASSERT_FALSE(pool.empty());
  pool.run_all();
  run();
  EXPECT_EQ(answer().substr(0, 14), "S100=2 S101=2 ");
}

TEST_F(QueryJobTest, NeedsAThreadOfThePoolForRowsOnly) {
  for (const bool has_rows : {false, true}) {
    auto rows = rows_of({"A"}, has_rows ? 4 : 0);
    auto view = query::view_of(rows);
    ASSERT_TRUE(view);
    auto work = std::make_shared<query_work>();
    work->plan = counts_by_symbol();
    work->parts.push_back(*std::move(view));
    const auto job = system.spawn(query_job, &world, std::move(work));
    self->send(caf::actor_cast<caf::actor>(job), start_atom::value);
    run();
    EXPECT_EQ(pool.empty(), !has_rows);
    pool.run_all();
    run();
    bool came = false;
    self->receive([&](const chunks& partial) { came = !partial.empty(); },
                  caf::after(caf::timespan{0}) >> [] {});
    EXPECT_TRUE(came);
  }
}

TEST_F(QueryJobTest, OneWhoseAskerIsGoneAnswersAndGivesItsMemoryBack) {
  auto rows = rows_of({"A"}, 5000);
  auto view = query::view_of(rows);
  ASSERT_TRUE(view);
  const auto asker = all.emplace_back(system.spawn([](caf::event_based_actor*) {
    return caf::behavior{[](caf::tick_atom) {}};
  }));
  auto memory = query_memory{}.account("a query", {});
  auto work = std::make_shared<query_work>();
  work->plan = counts_by_symbol();
  work->parts.push_back(*std::move(view));
  work->asker = caf::actor_cast<caf::strong_actor_ptr>(asker);
  work->memory = memory;
  const std::weak_ptr<query::memory_account> held = memory;
  const auto job = system.spawn(query_job, &world, std::move(work));
  std::string fault;
  // As its process does, which keeps the memory for the answer.
  all.push_back(system.spawn([&, memory = std::move(memory)](
                               caf::event_based_actor* owner) mutable {
    owner
      ->request(caf::actor_cast<caf::actor>(job), caf::infinite,
                start_atom::value)
      .then(
        [memory = std::move(memory), &fault](const chunks&) { fault = "rows"; },
        [&fault](const caf::error& why) { fault = to_string(from_caf(why)); });
    return caf::behavior{[](caf::tick_atom) {}};
  }));
  run();
  EXPECT_EQ(fault, "");
  caf::anon_send_exit(asker, caf::exit_reason::kill);
  run();
  EXPECT_NE(fault, "");
  pool.run_all();
  run();
  EXPECT_TRUE(held.expired());
}

} // namespace
} // namespace millrace::torq
