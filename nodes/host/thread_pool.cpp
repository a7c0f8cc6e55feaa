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

/// Up to so much, by its weight, a share is short: some turns of a question.
/// What long ones hold of memory they hold one after the other, and what short
/// ones do is as little as what they did.
constexpr int64_t short_ns = 7'500'000;

int64_t used_by_weight(const persistence::pool_share& share) {
  return share.used_ns.load(std::memory_order_relaxed) / share.weight;
}

/// So many long ones may have begun and wait: new ones then wait as well,
/// before they hold anything.
constexpr ptrdiff_t long_max = 32;

bool is_long(const persistence::pool_share& share) {
  return used_by_weight(share) >= short_ns;
}

/// Whether a share goes before another one. @pre both have jobs
bool goes_before(const persistence::pool_share& a,
                 const persistence::pool_share& b) {
  const auto used_a = used_by_weight(a);
  const auto used_b = used_by_weight(b);
  if (is_long(a) != is_long(b))
    return is_long(b);
  if (!is_long(a) && used_a != used_b)
    return used_a < used_b;
  if (is_long(a) && a.weight != b.weight)
    return a.weight > b.weight;
  return a.arrived < b.arrived;
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
    if (share->arrived == 0)
      share->arrived = ++arrivals_;
    auto queue
      = std::find_if(shares_.begin(), shares_.end(),
                     [&](const auto& each) { return each.share == share; });
    if (queue == shares_.end())
      queue = shares_.insert(queue, {share, {}});
    queue->jobs.push_back(std::move(job));
  }
  wake_.notify_one();
}

/// @pre there is one
std::vector<thread_pool::share_queue>::iterator
thread_pool::next(bool first_of_all) {
  const auto given_up
    = std::find_if(shares_.begin(), shares_.end(), [](const auto& each) {
        return each.share->given_up.load();
      });
  if (given_up != shares_.end())
    return given_up;
  const bool is_crowded
    = std::count_if(shares_.begin(), shares_.end(),
                    [](const auto& each) { return is_long(*each.share); })
      >= long_max;
  return std::min_element(shares_.begin(), shares_.end(),
                          [&](const auto& a, const auto& b) {
                            if (first_of_all)
                              return a.share->arrived < b.share->arrived;
                            const bool is_new = a.share->used_ns == 0;
                            if (is_crowded && is_new != (b.share->used_ns == 0))
                              return !is_new;
                            return goes_before(*a.share, *b.share);
                          });
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
  const auto of = next(
    jobs_.empty() ? others : turns_ % (turns_per_round * turns_per_round) == 0);
  share = of->share;
  auto job = std::move(of->jobs.front());
  of->jobs.pop_front();
  if (of->jobs.empty())
    shares_.erase(of);
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
