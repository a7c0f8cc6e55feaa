#pragma once

#include <millrace/nodes/users/login.hpp>

#include <cstdint>
#include <set>

namespace millrace::nodes {

/// When it is looked whether those who are logged in may stay, and who does
/// not. Secrets may be written just now, and their file be missing, empty or
/// cut for a moment: gone is who is so at two looks, one after the other.
/// Owner: one thread.
class login_watch {
public:
  static constexpr int64_t interval_ns = 2'000'000'000;

  /// Whether it is to be looked now; `looked` says then what was found.
  /// @param now_ns monotonic
  [[nodiscard]] bool due(int64_t now_ns) noexcept {
    if (looking_ || now_ns - looked_at_ns_ < interval_ns)
      return false;
    looking_ = true;
    looked_at_ns_ = now_ns;
    return true;
  }

  /// Those who end. A fault ends nobody, and what was found before it does not
  /// count any more.
  [[nodiscard]] std::set<standing_login>
  looked(result<std::set<standing_login>> gone) {
    looking_ = false;
    std::set<standing_login> ended;
    if (!gone) {
      gone_.clear();
      return ended;
    }
    for (const auto& each : *gone)
      if (gone_.contains(each))
        ended.insert(each);
    gone_ = *std::move(gone);
    return ended;
  }

private:
  bool looking_ = false;
  int64_t looked_at_ns_ = 0;
  std::set<standing_login> gone_; ///< At the last look.
};

} // namespace millrace::nodes
