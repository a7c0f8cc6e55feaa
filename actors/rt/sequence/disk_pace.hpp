#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace millrace::rt {

/// How long the disk of a node takes to sync, as the newest syncs of a stream
/// there tell. Counted are those that ended within `window_ns`, the newest
/// `samples_max` of them. Pure; one owner.
class disk_pace {
public:
  static constexpr int64_t window_ns = 5'000'000'000;
  static constexpr size_t samples_max = 64;
  /// One that is under way for longer than that stands for all others: it may
  /// be long until it ends.
  static constexpr int64_t stuck_ns = 2'000'000'000;

  /// A sync begins. Of one `file` there is one at a time: while one is under
  /// way another one changes nothing.
  void began(uint64_t file, int64_t now_ns);
  /// It ended. Nothing changes if none was under way.
  void ended(uint64_t file, int64_t now_ns);
  /// Those who would say that it ended are gone.
  void forget(uint64_t file) { under_way_.erase(file); }

  /// The median; none: nothing was synced lately.
  [[nodiscard]] std::optional<int64_t> sync_ns(int64_t now_ns) const;

private:
  struct sample {
    int64_t ended_ns = 0;
    int64_t took_ns = 0;
  };
  std::map<uint64_t, int64_t> under_way_; ///< By file, since when.
  std::deque<sample> samples_;            ///< The oldest first.
};

} // namespace millrace::rt
