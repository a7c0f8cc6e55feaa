#pragma once

#include <caf/execution_unit.hpp>
#include <caf/fwd.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace millrace::nodes {

/// The thread of a process's connections as one that also runs the actors whose
/// messages come and go there: what was read is handled and answered without
/// waking another thread. Which actors those are `runs_in_place` says; all
/// others, and what is more than a turn takes, go to the workers.
///
/// A *turn* is what that thread does about one event. Others may `call` it
/// between turns, while it waits for events.
class connection_thread final : public caf::execution_unit {
public:
  using overflow = std::function<void(caf::resumable*)>;
  /// Has `what->resume` called on that thread, soon.
  using caller = std::function<void(caf::resumable* what)>;

  /// @param workers takes what does not run here
  connection_thread(caf::actor_system& system, overflow workers);
  ~connection_thread() override;

  /// From then on others may call.
  void open(caller how);
  /// Nobody may any more.
  void close();

  /// One turn of the thread that has it; at its end the actors run that became
  /// ready. Not nested.
  class turn {
  public:
    explicit turn(connection_thread& of);
    ~turn();
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

  private:
    connection_thread* of_;
  };

  /// An actor became ready in the turn of this thread, or the thread waits for
  /// events and is called.
  /// @returns whether it runs there.
  [[nodiscard]] bool take(caf::resumable* job);

  /// CAF's: one that runs here made another ready.
  void exec_later(caf::resumable* job) override;

private:
  /// What the thread is called by.
  class call final : public caf::resumable {
  public:
    explicit call(connection_thread& of) : of_{&of} {}
    [[nodiscard]] subtype_t subtype() const override { return function_object; }
    resume_result resume(caf::execution_unit*, size_t) override;
    void intrusive_ptr_add_ref_impl() override {}
    void intrusive_ptr_release_impl() override {}

  private:
    connection_thread* of_;
  };

  void run();

  overflow workers_;
  call call_{*this};
  std::deque<caf::resumable*> ready_; ///< Of the turn.
  std::atomic<bool> busy_{false};

  std::mutex mutex_;
  caller caller_; ///< Null: it cannot be called.
  std::deque<caf::resumable*> called_for_;
};

/// Whether the handlers of an actor are short, never wait, and run no code of
/// programs: those of streams, between their connections and their disk.
/// @param follows another one that runs there made it ready
[[nodiscard]] bool runs_in_place(const caf::resumable& job, bool follows);

} // namespace millrace::nodes
