#pragma once

#include <cstdint>
#include <optional>

namespace millrace::torq {

/// Which refused questions are worth a line of a log: so many of each minute,
/// for one who asks the same wrong question in a loop must not fill a disk.
/// Pure; one owner.
class told_refusals {
public:
  static constexpr uint64_t per_minute = 20;

  /// Another one came. @param now_ns monotonic
  /// @returns how many were not told since the last one that was; none: this
  /// one is not told either.
  [[nodiscard]] std::optional<uint64_t> came(int64_t now_ns);

private:
  int64_t begin_ns_ = 0; ///< Of the minute; 0: none came yet.
  uint64_t told_ = 0;    ///< In it.
  uint64_t untold_ = 0;  ///< Since the last that was.
};

} // namespace millrace::torq
