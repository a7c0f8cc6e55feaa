#include <millrace/nodes/node/scheduling.hpp>

namespace millrace::nodes {

void ready_queue::push(caf::resumable* job) {
  {
    const std::scoped_lock lock{mutex_};
    jobs_.push_back(job);
  }
  // Costs no system call while nobody sleeps.
  wake_.notify_one();
}

caf::resumable* ready_queue::take() {
  auto* job = jobs_.front();
  jobs_.pop_front();
  return job;
}

caf::resumable* ready_queue::try_pop() {
  const std::scoped_lock lock{mutex_};
  return jobs_.empty() ? nullptr : take();
}

caf::resumable* ready_queue::pop() {
  std::unique_lock lock{mutex_};
  wake_.wait(lock, [this] { return !jobs_.empty(); });
  return take();
}

} // namespace millrace::nodes
