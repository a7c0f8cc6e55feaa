#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {

/// Notices that files of the system's disk are others than they were when it
/// was made, by their inode, size and times. One owner.
class file_watch {
public:
  /// What is younger may still be written, or be one of two that are exchanged.
  static constexpr int64_t settled_ns = 2'000'000'000;
  /// The files are not looked at more often.
  static constexpr int64_t pause_ns = 1'000'000'000;

  /// None: nothing changes.
  file_watch() = default;
  /// @param wall_ns nanoseconds since 1970
  file_watch(std::vector<std::string> paths, std::function<int64_t()> wall_ns);

  /// Whether one of them is another one than at the last `true`, and all have
  /// stayed as they are for `settled_ns`. A file that is not there is one that
  /// has not settled.
  [[nodiscard]] bool changed();

private:
  struct stamp {
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t written_ns = 0;
    int64_t changed_ns = 0; ///< Also by a rename.
    friend bool operator==(const stamp&, const stamp&) = default;
  };
  [[nodiscard]] std::vector<stamp> look() const;

  std::vector<std::string> paths_;
  std::function<int64_t()> wall_ns_;
  std::vector<stamp> known_;
  int64_t looked_ns_ = 0;
};

/// What is told of an exchange.
/// @param days_left of the one that is used
/// @param fault why the files are of no use; none: they are used
[[nodiscard]] std::string renewal_text(int64_t days_left, const error& fault);

/// What is read from files and read again when these are others: a certificate
/// that is exchanged while its process runs. Who has one from before keeps
/// it. Thread safe.
template <class T>
class renewable {
public:
  using reader = std::function<result<std::shared_ptr<const T>>()>;
  using teller = std::function<void(const T& used, const error& fault)>;

  /// @param read one that is not null, or why the files are of no use
  /// @param tell gets what is used from then on, and why the files are not
  explicit renewable(std::shared_ptr<const T> first, file_watch watch = {},
                     reader read = {}, teller tell = {})
    : current_{std::move(first)}, watch_{std::move(watch)},
      read_{std::move(read)}, tell_{std::move(tell)} {}

  /// The newest one that was of use. Reads files when they changed.
  [[nodiscard]] std::shared_ptr<const T> now() {
    const std::scoped_lock lock{mutex_};
    if (watch_.changed()) {
      auto made = read_();
      fault_ = made ? error{} : made.failure();
      if (made)
        current_ = *std::move(made);
      tell_(*current_, fault_);
    }
    return current_;
  }
  /// Why the files as they are now are of no use; none: they are.
  [[nodiscard]] error fault() const {
    const std::scoped_lock lock{mutex_};
    return fault_;
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
  file_watch watch_;
  reader read_;
  teller tell_;
  error fault_;
};

} // namespace millrace::nodes
