#pragma once

#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/scheduler/coordinator.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace millrace::nodes {

/// The timers of an actor system. CAF's own clock wakes its thread for each
/// timer that is set or withdrawn, which is several times per question; this
/// one for those alone that are due before it would wake by itself. What it was
/// told meanwhile it takes in then. Timers that are far off are due together,
/// up to `grid` later than asked for. Thread safe.
class quiet_clock final : public caf::detail::thread_safe_actor_clock {
public:
  /// What it was told waits for no more than this.
  static constexpr size_t untold_max = 4096;
  static constexpr std::chrono::milliseconds grid{8};
  /// Nearer ones are exact.
  static constexpr std::chrono::milliseconds far_off{64};

  quiet_clock() = default;
  ~quiet_clock() override;

  void set_ordinary_timeout(time_point t, caf::abstract_actor* self,
                            caf::atom_value type, uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self,
                           caf::message_id id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self,
                         caf::atom_value type, uint64_t id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self,
                               caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self,
                              caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point t, caf::strong_actor_ptr receiver,
                        caf::mailbox_element_ptr content) override;
  void schedule_message(time_point t, caf::group target,
                        caf::strong_actor_ptr sender,
                        caf::message content) override;
  void cancel_all() override;

  /// Carries out what is due, until `end`; one thread.
  void run();
  /// `run` returns; what is not due by then never comes.
  void end();

  /// How often its thread woke; for tests.
  // lint: allow(half_used): what it saves cannot be seen otherwise.
  [[nodiscard]] uint64_t wakes() const;

private:
  template <class Timer, class... Ts>
  void tell_timer(time_point due, Ts&&... of);
  /// @param due of a timer; none: it is withdrawn
  void tell(unique_event_ptr what, std::optional<time_point> due);
  void take(unique_event_ptr what);

  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::vector<unique_event_ptr> told_;
  /// When the thread wakes by itself; the least there is while it is awake.
  time_point sleeps_until_ = time_point::min();
  uint64_t wakes_ = 0;
  bool ends_ = false;
};

/// A scheduler of CAF whose timers are those of a quiet_clock.
template <class Policy>
class quietly_timed : public caf::scheduler::coordinator<Policy> {
public:
  using super = caf::scheduler::coordinator<Policy>;
  using super::super;

  // lint: allow(half_used): CAF calls it.
  static caf::actor_system::module* make(caf::actor_system& system,
                                         caf::detail::type_list<>) {
    return new quietly_timed{system};
  }

  caf::detail::thread_safe_actor_clock& clock() noexcept override {
    return clock_;
  }

protected:
  void start() override {
    super::start();
    timer_ = std::thread{[this] { clock_.run(); }};
    // Nobody sets a timer of its own.
    super::clock().cancel_dispatch_loop();
  }

  void stop() override {
    super::stop();
    clock_.end();
    timer_.join();
  }

private:
  quiet_clock clock_;
  std::thread timer_;
};

} // namespace millrace::nodes
