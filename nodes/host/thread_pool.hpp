#pragma once

#include <millrace/persistence/disk/executor.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace millrace::nodes {

/// Runs jobs on a fixed number of threads, first in, first out. Jobs of shares
/// take turns: of four turns three are for the share that has used least time
/// by its weight, so that a short question overtakes long ones, and one is for
/// the share that has waited longest, so that none starves. Jobs of no share
/// (ingest, writing down) go before them, in three of four turns. The queues
/// have no limit of their own: those that submit bound what they have in
/// flight. A job that throws ends the process.
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
  void submit_for(const std::shared_ptr<persistence::pool_share>& share,
                  std::function<void()> job) override;

private:
  using job_type = std::function<void()>;
  /// Jobs of one share, while there are any.
  struct share_queue {
    std::shared_ptr<persistence::pool_share> share;
    std::deque<job_type> jobs;
    uint64_t waits_since = 0; ///< A count of turns.
  };

  void work() noexcept;
  void end() noexcept;
  [[nodiscard]] bool idles() const { return jobs_.empty() && shares_.empty(); }
  job_type take(std::shared_ptr<persistence::pool_share>& share);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job_type> jobs_; ///< Of no share.
  std::vector<share_queue> shares_;
  uint64_t turns_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace millrace::nodes
