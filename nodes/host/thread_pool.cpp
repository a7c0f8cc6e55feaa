#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/host/thread_pool.hpp>

#include <pthread.h>
#include <utility>

namespace millrace::nodes {

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

void thread_pool::work() noexcept {
  std::unique_lock lock{mutex_};
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty())
      return; // A job that still runs submits to its own thread at least.
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr; // What it captured goes before the lock comes back.
    lock.lock();
  }
}

} // namespace millrace::nodes
