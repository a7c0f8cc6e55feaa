#pragma once

#include <millrace/nodes/node/connection_thread.hpp>

#include <caf/policy/unprofiled.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace millrace::nodes {

/// Actors that are ready to run and that no worker has taken yet. Thread safe.
class ready_queue {
public:
  /// Appends, and wakes a sleeping worker.
  void push(caf::resumable* job);
  /// Takes the oldest; sleeps while there is none.
  [[nodiscard]] caf::resumable* pop();
  /// The same; nullptr when there is none.
  [[nodiscard]] caf::resumable* try_pop();

private:
  caf::resumable* take(); ///< @pre locked, not empty

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<caf::resumable*> jobs_;
};

/// CAF scheduling policy "chained": the first actor that a handler makes ready
/// runs next on the same worker, while what was sent is still in its cache and
/// without waking another processor; all others go to one shared queue. A chain
/// of handlers ends after `chain_max` while others wait. What the thread of the
/// connections may run itself does not come here (`connection_thread`).
class chained_scheduling : public caf::policy::unprofiled {
public:
  static constexpr unsigned chain_max = 32;

  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator* of)
      : connections{std::make_shared<connection_thread>(
        of->system(), [this](caf::resumable* job) { ready.push(job); })} {}
    ready_queue ready;
    std::shared_ptr<connection_thread> connections;
  };

  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator* of)
      : scheduler{of} {}
    caf::scheduler::abstract_coordinator* scheduler;
    caf::resumable* next = nullptr; ///< Of this worker alone.
    unsigned chained = 0;
  };

  /// What has no sender comes here, also from a handler that a worker runs.
  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* job) {
    if (in_handler != nullptr && in_handler->scheduler == self
        && in_handler->next == nullptr)
      in_handler->next = job;
    else if (!d(self).connections->take(job))
      d(self).ready.push(job);
  }

  template <class Worker>
  void before_resume(Worker* self, caf::resumable*) {
    in_handler = &d(self);
  }
  template <class Worker>
  void after_resume(Worker*, caf::resumable*) {
    in_handler = nullptr;
  }

  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    d(self->parent()).ready.push(job);
  }

  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    if (auto& mine = d(self); mine.next == nullptr)
      mine.next = job;
    else
      d(self->parent()).ready.push(job);
  }

  /// The job gave way to others: it goes after them.
  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    d(self->parent()).ready.push(job);
  }

  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    auto& mine = d(self);
    auto& ready = d(self->parent()).ready;
    auto* next = std::exchange(mine.next, nullptr);
    if (next != nullptr && ++mine.chained < chain_max)
      return next;
    mine.chained = 0;
    if (next == nullptr)
      return ready.pop();
    auto* other = ready.try_pop();
    if (other == nullptr)
      return next;
    ready.push(next);
    return other;
  }

  template <class Worker, class Function>
  void foreach_resumable(Worker* self, Function f) {
    if (auto* left = std::exchange(d(self).next, nullptr))
      f(left);
  }

  template <class Coordinator, class Function>
  void foreach_central_resumable(Coordinator* self, Function f) {
    while (auto* left = d(self).ready.try_pop())
      f(left);
  }

private:
  /// Of the worker that this thread is, while it runs a handler.
  static inline thread_local worker_data* in_handler = nullptr;
};

/// The thread of the connections of a system; where that is scheduled otherwise
/// it runs nothing in place.
[[nodiscard]] std::shared_ptr<connection_thread>
connections_of(caf::actor_system& system);

} // namespace millrace::nodes
