#include <millrace/nodes/node/scheduling.hpp>

#include <caf/actor_system.hpp>
#include <caf/scheduler/coordinator.hpp>

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

std::shared_ptr<connection_thread> connections_of(caf::actor_system& system) {
  auto* chained
    = dynamic_cast<caf::scheduler::coordinator<chained_scheduling>*>(
      &system.scheduler());
  if (chained != nullptr)
    return chained->data().connections;
  return std::make_shared<connection_thread>(
    system,
    [&system](caf::resumable* job) { system.scheduler().enqueue(job); });
}

caf::resumable* ready_queue::pop() {
  std::unique_lock lock{mutex_};
  wake_.wait(lock, [this] { return !jobs_.empty(); });
  return take();
}

} // namespace millrace::nodes
