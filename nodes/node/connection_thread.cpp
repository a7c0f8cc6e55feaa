#include <millrace/nodes/node/connection_thread.hpp>

#include <caf/scheduled_actor.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace millrace::nodes {

namespace {

/// Of one turn: connections must not wait for long.
constexpr unsigned runs_max = 32;
constexpr size_t messages_max = 64;
/// More wait only while the thread does not get to run.
constexpr size_t called_for_max = 8;

thread_local connection_thread* in_turn = nullptr;

} // namespace

bool runs_in_place(const caf::resumable& job, bool follows) {
  if (job.subtype() != caf::resumable::scheduled_actor)
    return false;
  const std::string_view name{
    static_cast<const caf::scheduled_actor&>(job).name()};
  constexpr std::array<std::string_view, 3> always{"sequencer", "input-sink",
                                                   "pusher"};
  // One that is behind reads files when it is acknowledged.
  return std::find(always.begin(), always.end(), name) != always.end()
         || (follows && name == "feeder");
}

connection_thread::connection_thread(caf::actor_system& system,
                                     overflow workers)
  : execution_unit{&system}, workers_{std::move(workers)} {}

connection_thread::~connection_thread() = default;

void connection_thread::open(caller how) {
  const std::scoped_lock lock{mutex_};
  caller_ = std::move(how);
}

void connection_thread::close() {
  const std::scoped_lock lock{mutex_};
  caller_ = nullptr;
}

connection_thread::turn::turn(connection_thread& of) : of_{&of} {
  of_->busy_ = true;
  in_turn = of_;
}

connection_thread::turn::~turn() {
  of_->run();
  in_turn = nullptr;
  of_->busy_ = false;
}

bool connection_thread::take(caf::resumable* job) {
  if (in_turn == this) {
    if (!runs_in_place(*job, false))
      return false;
    ready_.push_back(job);
    return true;
  }
  if (busy_ || !runs_in_place(*job, false))
    return false;
  const std::scoped_lock lock{mutex_};
  if (!caller_ || called_for_.size() >= called_for_max)
    return false;
  called_for_.push_back(job);
  if (called_for_.size() == 1)
    caller_(&call_);
  return true;
}

void connection_thread::exec_later(caf::resumable* job) {
  if (runs_in_place(*job, true))
    ready_.push_back(job);
  else
    workers_(job);
}

caf::resumable::resume_result
connection_thread::call::resume(caf::execution_unit*, size_t) {
  const turn one{*of_};
  const std::scoped_lock lock{of_->mutex_};
  for (auto* each : std::exchange(of_->called_for_, {}))
    of_->ready_.push_back(each);
  return done;
}

void connection_thread::run() {
  unsigned runs = 0;
  while (!ready_.empty()) {
    auto* job = ready_.front();
    ready_.pop_front();
    if (++runs > runs_max) {
      workers_(job);
      continue;
    }
    switch (job->resume(this, messages_max)) {
      case caf::resumable::resume_later:
        workers_(job);
        break;
      case caf::resumable::done:
      case caf::resumable::awaiting_message:
      case caf::resumable::shutdown_execution_unit:
        caf::intrusive_ptr_release(job);
        break;
    }
  }
}

} // namespace millrace::nodes
