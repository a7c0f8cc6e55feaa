#pragma once

#include <millrace/persistence/disk/executor.hpp>

#include <deque>
#include <functional>
#include <utility>

namespace millrace::test_support {

/// Keeps jobs until a test runs them, first in, first out; those left over
/// never run, as on an executor that is busy elsewhere. Of one thread.
class queued_executor final : public persistence::executor {
public:
  void submit(std::function<void()> job) override {
    jobs_.push_back(std::move(job));
  }
  /// Those too that the jobs submit in turn.
  void run_all() {
    while (!jobs_.empty()) {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      job();
    }
  }
  [[nodiscard]] bool empty() const noexcept { return jobs_.empty(); }

private:
  std::deque<std::function<void()>> jobs_;
};

} // namespace millrace::test_support
