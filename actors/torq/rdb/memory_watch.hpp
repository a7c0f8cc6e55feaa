#pragma once

#include <cstdint>
#include <string>

namespace millrace::torq {

/// When the RDB stops applying the stream because it holds too much, and when
/// it goes on.
class memory_watch {
public:
  /// Drops give memory back in steps: applying goes on at this share of the
  /// limit.
  static constexpr double resume_share = 0.9;

  /// @param bytes_max 0: no limit.
  explicit memory_watch(uint64_t bytes_max) : bytes_max_{bytes_max} {}

  /// Takes a look.
  /// @param awaited somebody waits for an end of a period that is still to
  ///   come: without it nothing would ever be freed.
  /// @returns true when applying is to stop or to go on, as `paused` now says.
  [[nodiscard]] bool look(uint64_t bytes, bool awaited) noexcept;

  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// Why applying stands still at so many bytes; empty: it does not.
  [[nodiscard]] std::string reason(uint64_t bytes) const;

private:
  uint64_t bytes_max_;
  bool paused_ = false;
};

} // namespace millrace::torq
