#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace millrace::rt {

/// The wall clock by which the age of files is judged. One that jumps ahead is
/// not believed before that has lasted: what goes by it does not come back. One
/// that goes back is believed at once. What it showed before this process began
/// nobody knows: for as long it is not believed beyond what was published.
/// Pure; one owner.
class archive_clock {
public:
  static constexpr int64_t jump_ns = 60'000'000'000;
  static constexpr int64_t patience_ns = 3'600'000'000'000;

  /// Both clocks of the host, as they are now; to be told of often.
  /// @returns how far it jumped ahead, once per jump; 0: it did not.
  [[nodiscard]] int64_t look(int64_t wall_ns, int64_t monotonic_ns) {
    if (!began_ns_)
      began_ns_ = monotonic_ns;
    const auto offset_ns = wall_ns - monotonic_ns;
    const auto ahead_ns = offset_ns - offset_ns_.value_or(offset_ns);
    const bool lasted = jumped_ns_ && monotonic_ns - *jumped_ns_ >= patience_ns;
    if (ahead_ns <= jump_ns || lasted) {
      offset_ns_ = offset_ns;
      jumped_ns_.reset();
      return 0;
    }
    if (jumped_ns_)
      return 0;
    jumped_ns_ = monotonic_ns;
    return ahead_ns;
  }

  /// The time as it is believed. @pre it was looked at.
  [[nodiscard]] int64_t now_ns(int64_t monotonic_ns) const {
    return monotonic_ns + offset_ns_.value_or(0);
  }
  /// The same where the newest message that is known was published then.
  [[nodiscard]] int64_t now_ns(int64_t monotonic_ns, int64_t newest_ns) const {
    const auto life_ns = monotonic_ns - began_ns_.value_or(monotonic_ns);
    const auto now = now_ns(monotonic_ns);
    return life_ns >= patience_ns ? now : std::min(now, newest_ns + life_ns);
  }

private:
  std::optional<int64_t> began_ns_;  ///< When it was first looked at.
  std::optional<int64_t> offset_ns_; ///< Of the wall clock, as believed.
  std::optional<int64_t> jumped_ns_; ///< Since when it is doubted.
};

} // namespace millrace::rt
