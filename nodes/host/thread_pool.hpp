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
/// take turns. A share that has used little is short: of four turns three are
/// for the short one that has used least by its weight, so that it overtakes
/// long ones. Where there is no short one they are for the heaviest that came
/// first, which is done, and has given back what it holds, before the next one
/// goes on; where 32 long ones wait, no other begins. The fourth is for the
/// share that came first of all, so that none starves; those that were given up
/// go before all of them. Jobs of no share (ingest, writing down) go before
/// them, in three of four turns. The queues have no limit of their own: those
/// that submit bound what they have in flight. A job that throws ends the
/// process.
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
  [[nodiscard]] size_t width() const noexcept override {
    return threads_.size();
  }

private:
  using job_type = std::function<void()>;
  /// Jobs of one share, while there are any.
  struct share_queue {
    std::shared_ptr<persistence::pool_share> share;
    std::deque<job_type> jobs;
  };

  void work() noexcept;
  void end() noexcept;
  [[nodiscard]] bool idles() const { return jobs_.empty() && shares_.empty(); }
  job_type take(std::shared_ptr<persistence::pool_share>& share);
  [[nodiscard]] std::vector<share_queue>::iterator next(bool first_of_all);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job_type> jobs_; ///< Of no share.
  std::vector<share_queue> shares_;
  uint64_t turns_ = 0;
  uint64_t arrivals_ = 0; ///< Of shares.
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace millrace::nodes
