#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace millrace::persistence {

/// What work of many jobs, such as a question, has had of an executor's
/// threads. All of its jobs name it; who makes them may hold it for longer.
/// Thread safe.
struct pool_share {
  explicit pool_share(uint32_t heavy = 1) : weight{heavy} {}
  /// At least 1. A heavier one goes before others for longer.
  const uint32_t weight;
  std::atomic<int64_t> used_ns{0};  ///< The executor counts it.
  std::atomic<uint64_t> arrived{0}; ///< In which order, from 1; the executor's.
  /// Nobody waits for what they make any more: its jobs go first, end at once
  /// and give back what they hold.
  std::atomic<bool> given_up{false};
};

/// Runs jobs that must not run in an actor's handler: syncs, cold reads
/// (`env.io`), query morsels (`env.pool`). The real one is a thread pool; the
/// simulator runs each job as one seeded step. A job reports by sending a
/// message. Thread safe.
class executor {
public:
  virtual ~executor() = default;
  /// Runs `job` once, soon, on some thread. Jobs must not throw.
  virtual void submit(std::function<void()> job) = 0;
  /// The same, of work of many jobs: an executor that has more of these than
  /// threads lets each have its share of them. A job should be short: it is
  /// not interrupted.
  virtual void submit_for(const std::shared_ptr<pool_share>& share,
                          std::function<void()> job) {
    (void)share;
    submit(std::move(job));
  }
  /// So many jobs may run at a time; more than that gain nothing.
  [[nodiscard]] virtual size_t width() const noexcept { return 8; }
};

/// Another executor, all of whose jobs are of a share of their own. That one
/// outlives this.
class share_of_executor final : public executor {
public:
  /// @see pool_share::weight
  share_of_executor(executor& runs, uint32_t weight)
    : runs_{&runs}, share_{std::make_shared<pool_share>(weight)} {}
  void submit(std::function<void()> job) override {
    runs_->submit_for(share_, std::move(job));
  }
  [[nodiscard]] size_t width() const noexcept override {
    return runs_->width();
  }
  void give_up() noexcept { share_->given_up = true; }
  /// As long as this lives.
  [[nodiscard]] const std::atomic<bool>& given_up() const noexcept {
    return share_->given_up;
  }

private:
  executor* runs_;
  std::shared_ptr<pool_share> share_;
};

/// Wall time, ns since 2000.01.01 UTC, and monotonic time in ns.
class clock_source {
public:
  virtual ~clock_source() = default;
  [[nodiscard]] virtual int64_t now_ns() = 0;
  [[nodiscard]] virtual int64_t monotonic_ns() = 0;
};

} // namespace millrace::persistence
