#pragma once

#include <millrace/persistence/disk/executor.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace millrace::nodes {

/// Runs jobs on a fixed number of threads, first in, first out. The queue has
/// no limit of its own: those that submit bound what they have in flight. A job
/// that throws ends the process.
class thread_pool final : public persistence::executor {
public:
  /// @param name Of the threads, as `top -H` shows them; 15 bytes at most.
  /// @throws std::system_error when the system does not give another thread
  thread_pool(unsigned thread_count, std::string name);

  /// Runs all jobs that are queued, and those that they submit, then joins.
  ~thread_pool() override;

  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  void submit(std::function<void()> job) override;

private:
  void work() noexcept;
  void end() noexcept;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace millrace::nodes
