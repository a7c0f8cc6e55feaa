#include <millrace/nodes/scheduling.hpp>

#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace::nodes {

namespace {

/// About what it costs to put a processor to sleep and to wake it again.
constexpr auto look_for = std::chrono::microseconds{20};

void pause_processor() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

} // namespace

void ready_queue::push(caf::resumable* job) {
  bool asleep = false;
  {
    const std::scoped_lock lock{mutex_};
    jobs_.push_back(job);
    size_.store(jobs_.size(), std::memory_order_relaxed);
    asleep = sleeping_ > 0 && looking_.load(std::memory_order_relaxed) == 0;
  }
  if (asleep)
    wake_.notify_one();
}

caf::resumable* ready_queue::take(std::unique_lock<std::mutex>& lock) {
  auto* job = jobs_.front();
  jobs_.pop_front();
  size_.store(jobs_.size(), std::memory_order_relaxed);
  // Whoever pushed the others may have relied on this worker.
  const bool wake_another = !jobs_.empty() && sleeping_ > 0
                            && looking_.load(std::memory_order_relaxed) == 0;
  lock.unlock();
  if (wake_another)
    wake_.notify_one();
  return job;
}

caf::resumable* ready_queue::try_pop() {
  std::unique_lock lock{mutex_};
  return jobs_.empty() ? nullptr : take(lock);
}

bool ready_queue::look_for_a_while() {
  const auto until = std::chrono::steady_clock::now() + look_for;
  do {
    for (int i = 0; i < 16; ++i) {
      if (size_.load(std::memory_order_relaxed) != 0)
        return true;
      pause_processor();
    }
  } while (std::chrono::steady_clock::now() < until);
  return false;
}

caf::resumable* ready_queue::pop() {
  std::unique_lock lock{mutex_};
  for (;;) {
    if (!jobs_.empty())
      return take(lock);
    if (looking_.load(std::memory_order_relaxed) == 0) {
      looking_.store(1, std::memory_order_relaxed);
      lock.unlock();
      const bool found = look_for_a_while();
      lock.lock();
      // Under the lock: a push either saw somebody looking, and is found now,
      // or sees that nobody does.
      looking_.store(0, std::memory_order_relaxed);
      if (found || !jobs_.empty())
        continue;
    }
    ++sleeping_;
    wake_.wait(lock, [this] { return !jobs_.empty(); });
    --sleeping_;
  }
}

} // namespace millrace::nodes
