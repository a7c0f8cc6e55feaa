#pragma once

#include <millrace/persistence/disk/executor.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace millrace::test_support {

/// Another executor, whose jobs a test can hold back and run itself. Who
/// runs on a thread can ask whether that is in a job. Thread safe.
class watched_executor final : public persistence::executor {
public:
  explicit watched_executor(persistence::executor& runs) : runs_{&runs} {}

  void submit(std::function<void()> job) override {
    auto watched = [job = std::move(job)] {
      in_job() = true;
      job();
      in_job() = false;
    };
    const std::scoped_lock lock{mutex_};
    if (!holds_)
      return runs_->submit(std::move(watched));
    held_.push_back(std::move(watched));
    changed_.notify_all();
  }

  /// From now on jobs wait.
  void hold() {
    const std::scoped_lock lock{mutex_};
    holds_ = true;
  }
  /// The oldest job that waits, when there is one.
  [[nodiscard]] std::function<void()> take() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !held_.empty(); });
    auto job = std::move(held_.front());
    held_.pop_front();
    return job;
  }
  /// Jobs run again by themselves, those that waited first.
  void release() {
    const std::scoped_lock lock{mutex_};
    holds_ = false;
    for (auto& job : held_)
      runs_->submit(std::move(job));
    held_.clear();
  }

  /// Of the thread that asks.
  [[nodiscard]] static bool& in_job() {
    static thread_local bool inside = false;
    return inside;
  }

private:
  persistence::executor* runs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> held_;
  bool holds_ = false;
};

} // namespace millrace::test_support
