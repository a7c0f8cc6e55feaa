#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/host/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <utility>

namespace millrace::nodes {

namespace {

/// Every so many turns those that others go before have one.
constexpr uint64_t turns_per_round = 4;

int64_t used_by_weight(const persistence::pool_share& share) {
  return share.used_ns.load(std::memory_order_relaxed) / share.weight;
}

} // namespace

thread_pool::thread_pool(unsigned thread_count, std::string name) {
  MILLRACE_ASSERT(thread_count > 0);
  name.resize(std::min<size_t>(name.size(), 15));
  threads_.reserve(thread_count);
  try {
    for (unsigned i = 0; i < thread_count; ++i) {
      threads_.emplace_back([this] { work(); });
      pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
  } catch (...) {
    end(); // A thread that nobody joins would end the process.
    throw;
  }
}

thread_pool::~thread_pool() { end(); }

void thread_pool::end() noexcept {
  {
    const std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    thread.join();
}

void thread_pool::submit(std::function<void()> job) {
  MILLRACE_ASSERT(job);
  {
    const std::lock_guard guard{mutex_};
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void thread_pool::submit_for(
  const std::shared_ptr<persistence::pool_share>& share,
  std::function<void()> job) {
  MILLRACE_ASSERT(job && share && share->weight > 0);
  {
    const std::lock_guard guard{mutex_};
    auto queue
      = std::find_if(shares_.begin(), shares_.end(),
                     [&](const auto& each) { return each.share == share; });
    if (queue == shares_.end())
      queue = shares_.insert(queue, {share, {}, turns_});
    queue->jobs.push_back(std::move(job));
  }
  wake_.notify_one();
}

/// @pre !idles()
thread_pool::job_type
thread_pool::take(std::shared_ptr<persistence::pool_share>& share) {
  const bool others = ++turns_ % turns_per_round == 0;
  if (shares_.empty() || (!jobs_.empty() && !others)) {
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }
  const bool longest = jobs_.empty()
                         ? others
                         : turns_ % (turns_per_round * turns_per_round) == 0;
  const auto next = std::min_element(
    shares_.begin(), shares_.end(), [&](const auto& a, const auto& b) {
      return longest ? a.waits_since < b.waits_since
                     : used_by_weight(*a.share) < used_by_weight(*b.share);
    });
  share = next->share;
  auto job = std::move(next->jobs.front());
  next->jobs.pop_front();
  next->waits_since = turns_;
  if (next->jobs.empty())
    shares_.erase(next);
  return job;
}

void thread_pool::work() noexcept {
  using clock = std::chrono::steady_clock;
  std::unique_lock lock{mutex_};
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !idles(); });
    if (idles())
      return; // A job that still runs submits to its own thread at least.
    std::shared_ptr<persistence::pool_share> share;
    auto job = take(share);
    lock.unlock();
    const auto begin = share ? clock::now() : clock::time_point{};
    job();
    job = nullptr; // What it captured goes before the lock comes back.
    if (share)
      share->used_ns += std::chrono::nanoseconds{clock::now() - begin}.count();
    share.reset();
    lock.lock();
  }
}

} // namespace millrace::nodes
