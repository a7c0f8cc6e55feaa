#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace millrace::rt {

/// Room on the disk of a stream, kept for what frees room: a start, a
/// checkpoint, and the collection of files that follows it. `<dir>/.reserve`
/// takes it up; on a full disk it is given, and the file is empty then. Until
/// there is room to take it again, nothing is to be taken in that may wait.
/// Thread safe, but for `take`, which one thread calls at a time.
class space_reserve {
public:
  /// Looks at what is there. A disk that is small beside it has a smaller one.
  space_reserve(persistence::file_system& fs, const std::string& directory,
                uint64_t bytes);

  /// Takes it up, if the disk has room enough beside it; blocks while it is
  /// written. @returns whether it is there. No failure: it is a precaution.
  bool take();
  /// Gives it away. @returns whether there was any.
  bool give();
  /// The same before the stream is opened.
  static bool give(persistence::file_system& fs, const std::string& directory);

  /// It was given, and is not there again.
  [[nodiscard]] bool given() const noexcept {
    return state_.load(std::memory_order_relaxed) == state_type::given;
  }
  [[nodiscard]] bool is_kept() const noexcept {
    return state_.load(std::memory_order_relaxed) == state_type::kept;
  }
  /// "none", "kept" or "given".
  [[nodiscard]] const char* state() const noexcept;

private:
  enum class state_type : uint8_t { none, kept, given };

  persistence::file_system* fs_;
  std::string directory_;
  uint64_t bytes_;
  std::atomic<state_type> state_ = state_type::none;
};

} // namespace millrace::rt
