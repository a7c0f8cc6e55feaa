#include <millrace/nodes/host/thread_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace millrace::nodes {
namespace {

TEST(ThreadPoolTest, OneThreadRunsJobsInTheirOrder) {
  std::vector<int> order;
  {
    thread_pool pool{1, "test"};
    for (int i = 0; i < 1'000; ++i)
      pool.submit([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 1'000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadPoolTest, RunsAsManyJobsAtOnceAsItHasThreads) {
  // Each job waits for the others: with fewer threads this would never end.
  constexpr unsigned count = 4;
  std::latch all{count};
  std::mutex mutex;
  std::set<std::thread::id> threads;
  {
    thread_pool pool{count, "test"};
    for (unsigned i = 0; i < count; ++i)
      pool.submit([&] {
        all.arrive_and_wait();
        const std::lock_guard guard{mutex};
        threads.insert(std::this_thread::get_id());
      });
  }
  EXPECT_EQ(threads.size(), count);
}

TEST(ThreadPoolTest, DestructionRunsWhatIsQueuedAndWhatThatSubmits) {
  std::atomic<int> ran{0};
  {
    thread_pool pool{2, "a name that is longer than the system takes"};
    for (int i = 0; i < 100; ++i)
      pool.submit([&] {
        pool.submit([&] {
          pool.submit([&] { ++ran; });
          ++ran;
        });
        ++ran;
      });
  }
  EXPECT_EQ(ran, 300);
}

TEST(ThreadPoolTest, RunsEachJobOfManySubmittersOnce) {
  std::vector<std::atomic<int>> ran(40'000);
  {
    thread_pool pool{3, "test"};
    std::vector<std::thread> submitters;
    for (size_t s = 0; s < 4; ++s)
      submitters.emplace_back([&, s] {
        for (size_t i = 0; i < 10'000; ++i)
          pool.submit([&, at = s * 10'000 + i] { ++ran[at]; });
      });
    for (auto& submitter : submitters)
      submitter.join();
  }
  EXPECT_TRUE(
    std::all_of(ran.begin(), ran.end(), [](const auto& x) { return x == 1; }));
}

/// One thread; what is submitted while the first job runs shares it.
struct SharedThreadTest : ::testing::Test {
  using share = std::shared_ptr<persistence::pool_share>;
  static share of_weight(uint32_t weight) {
    return std::make_shared<persistence::pool_share>(weight);
  }
  /// In which order jobs of these shares run. @param jobs null: of none
  std::string order(const std::vector<std::pair<char, share>>& jobs) {
    std::string out;
    std::latch ready{1};
    {
      thread_pool pool{1, "test"};
      pool.submit([&] { ready.wait(); });
      for (const auto& [name, of] : jobs) {
        auto job = [&out, name = name, of = of] {
          out += name;
          if (of) // As if it had taken a second: no clock is waited for.
            of->used_ns += 1'000'000'000;
        };
        of ? pool.submit_for(of, job) : pool.submit(job);
      }
      ready.count_down();
    }
    return out;
  }
};

TEST_F(SharedThreadTest, AShortQuestionOvertakesLongOnes) {
  const auto a = of_weight(1);
  const auto b = of_weight(1);
  std::vector<std::pair<char, share>> jobs(100, {'a', a});
  jobs.emplace_back('b', b);
  a->used_ns = 5'000'000'000;
  EXPECT_LE(order(jobs).find('b'), 1u);
}

TEST_F(SharedThreadTest, WhatWasGivenUpGivesBackFirst) {
  const auto a = of_weight(1);
  const auto b = of_weight(1);
  std::vector<std::pair<char, share>> jobs(20, {'b', b});
  jobs.insert(jobs.end(), 5, {'a', a});
  a->used_ns = 3'600'000'000'000;
  a->given_up = true;
  EXPECT_EQ(order(jobs), std::string(5, 'a') + std::string(20, 'b'));
}

TEST_F(SharedThreadTest, EqualLongQuestionsAreDoneOneAfterTheOther) {
  std::vector<std::pair<char, share>> jobs;
  for (const char name : {'a', 'b', 'c', 'd'})
    jobs.insert(jobs.end(), 10, {name, of_weight(4)});
  // Each is short once. Together they would all be done at the end.
  const auto told = order(jobs);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_LE(told.rfind("abcd"[i]), 13 + 9 * i) << told;
}

TEST_F(SharedThreadTest, OnlySoManyHoldWhatTheyHaveNotDone) {
  constexpr char last = '!' + 49;
  std::vector<std::pair<char, share>> jobs;
  for (char name = '!'; name <= last; ++name)
    jobs.insert(jobs.end(), 4, {name, of_weight(4)});
  std::map<char, int> done;
  size_t most = 0;
  for (const auto name : order(jobs)) {
    if (++done[name] == 4)
      done.erase(name);
    most = std::max(most, done.size());
  }
  EXPECT_LE(most, 34u);
  EXPECT_TRUE(done.empty());
}

TEST_F(SharedThreadTest, NobodyStarves) {
  // A long one, and a short one after the other without end.
  const auto a = of_weight(1);
  a->used_ns = 3'600'000'000'000;
  std::string told;
  std::latch ready{1};
  std::function<void()> next;
  {
    thread_pool pool{1, "test"};
    pool.submit([&] { ready.wait(); });
    for (int i = 0; i < 10; ++i)
      pool.submit_for(a, [&] { told += 'a'; });
    next = [&] {
      told += 'b';
      if (told.size() < 100)
        pool.submit_for(of_weight(1), next);
    };
    for (int i = 0; i < 3; ++i)
      pool.submit_for(of_weight(1), next);
    ready.count_down();
  }
  EXPECT_GE(std::count(told.begin(), told.begin() + 44, 'a'), 9) << told;
  EXPECT_LE(std::count(told.begin(), told.begin() + 44, 'a'), 12) << told;
}

TEST_F(SharedThreadTest, AHeavyShareGetsMoreOfTheTime) {
  const auto a = of_weight(1);
  const auto b = of_weight(4);
  std::vector<std::pair<char, share>> jobs(400, {'a', a});
  jobs.insert(jobs.end(), 400, {'b', b});
  const auto told = order(jobs).substr(0, 200);
  EXPECT_GE(std::count(told.begin(), told.end(), 'b'), 120);
  EXPECT_GE(std::count(told.begin(), told.end(), 'a'), 40);
}

TEST_F(SharedThreadTest, JobsOfNoShareGoFirstAndLetOthersIn) {
  const auto a = of_weight(1);
  std::vector<std::pair<char, share>> jobs(100, {'.', nullptr});
  jobs.insert(jobs.end(), 100, {'a', a});
  const auto told = order(jobs).substr(0, 100);
  EXPECT_GE(std::count(told.begin(), told.end(), '.'), 74);
  EXPECT_GE(std::count(told.begin(), told.end(), 'a'), 24);
}

#ifndef __SANITIZE_ADDRESS__ // It maps more than any limit lets it.
TEST(ThreadPoolTest, ThreadsThatCannotBeHadAreAnErrorAndNoEnd) {
  const auto child = ::fork();
  if (child == 0) {
    const rlimit little{uint64_t{1} << 30, uint64_t{1} << 30};
    ::setrlimit(RLIMIT_AS, &little);
    try {
      const thread_pool pool{4'096, "test"};
    } catch (const std::system_error&) {
      ::_exit(7);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}
#endif

} // namespace
} // namespace millrace::nodes
