#pragma once

#include <millrace/messages/base/errors.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace millrace::query {

/// What all questions of a node hold together, and the most that they may.
/// Thread safe.
class questions_memory {
public:
  /// @param process whose memory it is, for messages
  /// @param most bytes; 0: no limit, what is held is counted all the same
  questions_memory(std::string process, uint64_t most)
    : process_{std::move(process)}, most_{most} {}
  questions_memory(const questions_memory&) = delete;
  questions_memory& operator=(const questions_memory&) = delete;

  /// @returns false when that would be more than may be: nothing is taken then.
  [[nodiscard]] bool take(uint64_t bytes) noexcept;
  void give_back(uint64_t bytes) noexcept;

  [[nodiscard]] const std::string& process() const noexcept { return process_; }
  [[nodiscard]] uint64_t most() const noexcept { return most_; }
  [[nodiscard]] uint64_t held() const noexcept {
    return held_.load(std::memory_order_relaxed);
  }

private:
  std::string process_;
  uint64_t most_;
  std::atomic<uint64_t> held_{0};
};

/// The memory of one question on one node: its steps take of it before they
/// take memory of the system, and the node's other questions go without what
/// this one holds. What is left of it goes back at its end, whatever that was.
/// Thread safe.
class memory_account {
public:
  struct limits {
    uint64_t most = 0;   ///< Bytes at a time; 0: no limit but the node's.
    std::string process; ///< Whose memory it is, for messages.
    /// What says how much it may be.
    std::string key = "query_memory_max";
    /// Null: the node counts nothing.
    std::shared_ptr<questions_memory> of_node{};
  };

  /// @param subject what is asked, for messages, as "the query on table 't'"
  memory_account(limits given, std::string subject)
    : limits_{std::move(given)}, subject_{std::move(subject)} {}
  ~memory_account();
  memory_account(const memory_account&) = delete;
  memory_account& operator=(const memory_account&) = delete;

  /// `limit_exceeded` when that is more than one question may ever hold,
  /// `overloaded` when others hold what it would be given; with the key that
  /// says how much may be held and the node whose it is. Nothing is taken then.
  [[nodiscard]] error take(uint64_t bytes);
  /// No more than it holds.
  void give_back(uint64_t bytes) noexcept;

  [[nodiscard]] uint64_t most() const noexcept { return limits_.most; }
  [[nodiscard]] uint64_t held() const noexcept {
    return held_.load(std::memory_order_relaxed);
  }
  /// The most that was held at a time.
  [[nodiscard]] uint64_t most_held() const noexcept {
    return most_held_.load(std::memory_order_relaxed);
  }

private:
  limits limits_;
  std::string subject_;
  std::atomic<uint64_t> held_{0};
  std::atomic<uint64_t> most_held_{0};
};

/// What one step, or one piece of a result, holds of an account: it goes back
/// with this. Owner: one thread at a time, but for `shrink`.
class held_memory {
public:
  held_memory() = default;
  /// @param of outlives this; null: nothing is counted
  explicit held_memory(memory_account* of) noexcept : of_{of} {}
  held_memory(held_memory&& other) noexcept
    : of_{other.of_}, bytes_{other.bytes_.exchange(0)} {}
  held_memory& operator=(held_memory&& other) noexcept {
    if (this != &other) {
      release();
      of_ = other.of_;
      bytes_ = other.bytes_.exchange(0);
    }
    return *this;
  }
  ~held_memory() { release(); }

  /// So many bytes in all from now on. `limit_exceeded`, `overloaded`: it stays
  /// as it was.
  [[nodiscard]] error set(uint64_t bytes);
  [[nodiscard]] error add(uint64_t bytes) { return set(held() + bytes); }
  /// So many bytes less, or none. Any thread.
  void shrink(uint64_t bytes) noexcept;
  void release() noexcept { shrink(held()); }
  /// What it holds goes back with the account, or as others give it back.
  void keep() noexcept { bytes_ = 0; }
  [[nodiscard]] uint64_t held() const noexcept { return bytes_.load(); }

private:
  memory_account* of_ = nullptr;
  std::atomic<uint64_t> bytes_{0};
};

} // namespace millrace::query
