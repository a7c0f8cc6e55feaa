#include <millrace/query/execution/memory_account.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <thread>

#include "sql_rows.hpp"

namespace {

/// What C++ took of the system and did not give back, of the whole program.
std::atomic<int64_t> heap_now{0};
std::atomic<int64_t> heap_most{0};

// With a sanitizer, whose own operators these would be mixed with, they stay 0.
#ifndef __SANITIZE_ADDRESS__
void* counted_new(size_t size) {
  auto* out = std::malloc(size == 0 ? 1 : size);
  if (out == nullptr)
    throw std::bad_alloc{};
  const auto now = heap_now += static_cast<int64_t>(malloc_usable_size(out));
  auto most = heap_most.load();
  while (most < now && !heap_most.compare_exchange_weak(most, now)) {
  }
  return out;
}

void counted_delete(void* what) noexcept {
  if (what == nullptr)
    return;
  heap_now -= static_cast<int64_t>(malloc_usable_size(what));
  std::free(what);
}
#endif

} // namespace

#ifndef __SANITIZE_ADDRESS__
void* operator new(size_t size) { return counted_new(size); }
void* operator new[](size_t size) { return counted_new(size); }
void operator delete(void* what) noexcept { counted_delete(what); }
void operator delete[](void* what) noexcept { counted_delete(what); }
void operator delete(void* what, size_t) noexcept { counted_delete(what); }
void operator delete[](void* what, size_t) noexcept { counted_delete(what); }
#endif

namespace millrace::query {
namespace {

using namespace testing_support;

TEST(MemoryAccountTest, RefusesBeforeItIsTakenAndNamesTheKey) {
  memory_account account{{.most = 100, .process = "hdb1"},
                         "the query on table 'trade'"};
  EXPECT_FALSE(account.take(60));
  const auto refused = account.take(41);
  EXPECT_EQ(refused.code, errc::limit_exceeded);
  EXPECT_EQ(refused.context, "hdb1: the query on table 'trade' needs more than "
                             "100 bytes of memory (query_memory_max)");
  EXPECT_EQ(account.held(), 60u);
  EXPECT_FALSE(account.take(40));
  account.give_back(70);
  EXPECT_EQ(account.held(), 30u);
  EXPECT_EQ(account.most_held(), 100u);
  // More than it ever held goes back to nobody.
  account.give_back(1000);
  EXPECT_EQ(account.held(), 0u);
}

TEST(MemoryAccountTest, QuestionsOfANodeShareWhatItHas) {
  const auto node = std::make_shared<questions_memory>("rdb1", 100);
  const auto made = [&](const char* subject) {
    return std::make_unique<memory_account>(
      memory_account::limits{.most = 90, .process = "rdb1", .of_node = node},
      subject);
  };
  auto first = made("the query on table 'trade'");
  auto second = made("the query on table 'quote'");
  ASSERT_FALSE(first->take(70));
  const auto refused = second->take(31);
  EXPECT_EQ(refused.code, errc::overloaded) << "others hold it";
  for (const auto* fact :
       {"rdb1", "'quote'", "queries_memory_max", "31", "70", "100"})
    EXPECT_NE(refused.context.find(fact), std::string::npos)
      << fact << " in " << refused.context;
  EXPECT_EQ(node->held(), 70u);
  EXPECT_EQ(second->held(), 0u);
  EXPECT_FALSE(second->take(30));
  // Whatever its end was: nothing was given back by its steps.
  first.reset();
  EXPECT_EQ(node->held(), 30u);
  EXPECT_FALSE(second->take(60));
  second.reset();
  EXPECT_EQ(node->held(), 0u);
}

TEST(MemoryAccountTest, MoreThanTheNodeEverHasIsALimitOfTheQuestion) {
  const auto node = std::make_shared<questions_memory>("rdb1", 100);
  memory_account other{{.process = "rdb1", .of_node = node}, "another query"};
  memory_account account{{.process = "rdb1", .of_node = node},
                         "the query on table 'trade'"};
  ASSERT_FALSE(other.take(10));
  ASSERT_FALSE(account.take(60));
  EXPECT_EQ(account.take(40).code, errc::overloaded) << "but for the other one";
  EXPECT_EQ(account.take(41),
            (error{errc::limit_exceeded,
                   "rdb1: the query on table 'trade' needs more than 100 bytes "
                   "of memory, which all queries together may hold there "
                   "(queries_memory_max of 'rdb1'): ask for less"}));
  EXPECT_EQ(account.take(~uint64_t{0} - 60).code, errc::limit_exceeded);
  EXPECT_EQ(account.held(), 60u);
  EXPECT_EQ(node->held(), 70u);
}

TEST(MemoryAccountTest, WithoutALimitItIsCountedAllTheSame) {
  const auto node = std::make_shared<questions_memory>("gw1", 0);
  memory_account account{{.of_node = node}, "a query"};
  EXPECT_FALSE(account.take(uint64_t{1} << 40));
  EXPECT_EQ(node->held(), uint64_t{1} << 40);
}

TEST(MemoryAccountTest, StepsGiveBackWhatTheyHold) {
  memory_account account{{.most = 100}, "a query"};
  {
    held_memory step{&account};
    EXPECT_FALSE(step.set(80));
    EXPECT_TRUE(step.add(30));
    EXPECT_EQ(step.held(), 80u);
    EXPECT_FALSE(step.set(10));
    EXPECT_EQ(account.held(), 10u);
    held_memory moved{std::move(step)};
    EXPECT_EQ(account.held(), 10u);
    EXPECT_FALSE(moved.add(5));
    held_memory other{&account};
    EXPECT_FALSE(other.set(20));
    other.keep();
    EXPECT_EQ(account.held(), 35u);
  }
  // What was kept.
  EXPECT_EQ(account.held(), 20u);
}

TEST(MemoryAccountTest, ManyThreadsNeverHoldMoreThanThereIs) {
  const auto node = std::make_shared<questions_memory>("hdb1", 1000);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      memory_account account{{.most = 600, .of_node = node}, "a query"};
      for (int i = 0; i < 20'000; ++i) {
        held_memory step{&account};
        (void)step.set(static_cast<uint64_t>(i) % 599);
        over = over || node->held() > 1000;
      }
    });
  for (auto& each : threads)
    each.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(node->held(), 0u);
}

// -- what the steps of questions take -----------------------------------------

constexpr size_t account_rows = 200'000;

const parts_of_tables& account_trades() {
  static const auto parts = [] {
    std::vector<placed_row> rows;
    for (size_t i = 0; i < account_rows; ++i)
      rows.push_back({{static_cast<int64_t>(i * 7919 % account_rows),
                       std::string(1, static_cast<char>('A' + i % 3)),
                       static_cast<double>(i % 1000), static_cast<int64_t>(i),
                       static_cast<int64_t>(i % 97), int64_t{1}}});
    parts_of_tables out;
    out["trade"].push_back(make_view(*sql_table("trade"), rows, {}));
    return out;
  }();
  return parts;
}

/// What a stage of a question took of its account, and of the system.
struct stage {
  std::string name;
  uint64_t most_held = 0;
  int64_t most_taken = 0;
  uint64_t left = 0; ///< On the account at its end.
  error fault;
};

/// Each with an account of its own: the stores' part, the merge of what they
/// found, and the gateway's steps.
class staged_question {
public:
  explicit staged_question(plan_node plan) {
    EXPECT_FALSE(resolve(plan));
    auto cut = split(plan);
    EXPECT_TRUE(cut);
    cut_ = *std::move(cut);
  }

  /// @param most by name of the stage; none: no limit
  std::vector<stage> run(const std::map<std::string, uint64_t>& most = {}) {
    stages_.clear();
    most_ = most;
    std::vector<table_data> fetched;
    for (const auto& fragment : cut_.fragments) {
      const auto& parts = account_trades().at(fragment.table);
      std::optional<partial_result> found;
      const bool is_done
        = measured("execute", [&](memory_account& account) -> error {
            auto made
              = execute(fragment, parts, {.stop = {.memory = &account}});
            if (!made)
              return made.failure();
            found = *std::move(made);
            return {};
          });
      if (!is_done)
        return stages_;
      std::optional<table_data> table;
      const bool is_merged
        = measured("merge", [&](memory_account& account) -> error {
            merger merged{fragment, {.memory = &account}};
            if (auto fault = merged.add(*std::move(found)))
              return fault;
            auto made = merged.finish();
            if (!made)
              return made.failure();
            table = *std::move(made);
            return {};
          });
      if (!is_merged)
        return stages_;
      fetched.push_back(*std::move(table));
    }
    (void)measured("run", [&](memory_account& account) -> error {
      auto made = run_plan(cut_.rest, fetched, {.stop = {.memory = &account}});
      return made ? error{} : made.failure();
    });
    return stages_;
  }

private:
  template <class F>
  bool measured(const std::string& name, F&& work) {
    const auto limit = most_.find(name);
    memory_account account{{.most = limit == most_.end() ? 0 : limit->second},
                           "the query"};
    const auto before = heap_now.load();
    heap_most = before;
    auto& out = stages_.emplace_back();
    out.name = name;
    out.fault = work(account);
    out.most_taken = heap_most - before;
    out.most_held = account.most_held();
    out.left = account.held();
    return !out.fault;
  }

  split_plan cut_;
  std::map<std::string, uint64_t> most_;
  std::vector<stage> stages_;
};

const std::vector<std::string>& all_kinds() {
  static const std::vector<std::string> out{
    "select * from trade",
    "select time, price from trade order by price, size",
    "select * from trade order by price desc limit 5 offset 100000",
    "select lot, sum(size), count(*) from trade group by lot",
    "select size, sum(lot), max(price) from trade group by size",
    "select sym, percentile_cont(0.5) within group (order by price) from trade "
    "group by sym",
    "select count(distinct size) from trade",
    "select lag(price) over (partition by sym order by time) from trade",
    "select sum(size) over (partition by sym order by time) from trade",
    "select max(size) over (partition by sym order by time rows 5 preceding) "
    "from trade",
    "select a.price, b.size as other from trade a join (select size, lot from "
    "trade where size < 100) b on a.lot = b.lot",
    "select a.price, b.lot as other from trade a full join (select size, lot "
    "from trade where size > 50000) b on a.size = b.size",
    "select count(*) from (select sym, time from trade union all select sym, "
    "time from trade) z",
    "select distinct size from trade",
    "select price * size as value from trade where price > 10"};
  return out;
}

plan_node plan_of_sql(const std::string& text) {
  auto request = parse_sql(text, sql_table, 0);
  EXPECT_TRUE(request) << text << ": " << request.failure().context;
  return std::move(request->plan);
}

// Goal: what a step needs it takes of its account, an order, an index or a
// second input too, so that the account bounds what the program takes of the
// system. Method: counted allocations, against what the account gave.
TEST(QuestionMemoryTest, TheSystemGivesNoMoreThanTheAccount) {
  for (const auto& text : all_kinds())
    for (const auto& each : staged_question{plan_of_sql(text)}.run()) {
      EXPECT_FALSE(each.fault) << text;
      const auto spare = int64_t{1} << 20;
      EXPECT_LE(each.most_taken,
                static_cast<int64_t>(each.most_held) * 5 / 4 + spare)
        << each.name << " of " << text;
      EXPECT_EQ(each.left, 0u) << each.name << " of " << text;
    }
}

// A question that may hold a little less than it needs is refused, and has
// given all back.
TEST(QuestionMemoryTest, ARefusalIsTypedAndLeavesNothing) {
  for (const auto& text : all_kinds()) {
    staged_question question{plan_of_sql(text)};
    const auto whole = question.run();
    for (const auto& bounded : whole) {
      if (bounded.most_held < 100'000)
        continue;
      for (const auto most :
           {bounded.most_held - 1, bounded.most_held / 2, uint64_t{1}}) {
        const auto stages = question.run({{bounded.name, most}});
        ASSERT_FALSE(stages.empty());
        const auto& last = stages.back();
        // What needs less in another way may be done in that.
        EXPECT_TRUE(last.fault.code == errc::limit_exceeded
                    || (!last.fault && most > 1))
          << text << ", " << bounded.name << " within " << most;
        EXPECT_EQ(last.left, 0u) << text;
        EXPECT_LE(last.most_held, most) << text;
      }
    }
  }
}

} // namespace
} // namespace millrace::query
