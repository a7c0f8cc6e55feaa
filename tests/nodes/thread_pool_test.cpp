#include <millrace/nodes/host/thread_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

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
