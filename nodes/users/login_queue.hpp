#pragma once

#include <millrace/nodes/users/login.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace millrace::nodes {

/// The logins of one port that wait for their verdict: one is judged at a
/// time, each that comes from another address or for another user in turn. Who
/// failed thrice waits before the next one, longer each time. Pure; one owner.
class login_queue {
public:
  /// Beyond it one is refused.
  static constexpr size_t waiting_max = 256;
  /// From this failure on the next login waits this long after it, then twice
  /// as long, up to the last.
  static constexpr int failures_free = 3;
  static constexpr int64_t first_wait_ns = 250'000'000;
  static constexpr int64_t last_wait_ns = 4'000'000'000;
  /// Without a failure in this time all is forgiven.
  static constexpr int64_t memory_ns = 600'000'000'000;

  struct started {
    uint64_t connection = 0;
    login_attempt what;
  };

  /// @returns who is refused when too many wait: the last one of the source of
  /// most of them, perhaps this one.
  [[nodiscard]] std::optional<uint64_t>
  add(uint64_t connection, const std::string& peer, login_attempt what);
  /// The next one to be judged, if none is and one may be; `judged` follows.
  /// @param is_there whether a connection still is
  [[nodiscard]] std::optional<started>
  next(int64_t now_ns, const std::function<bool(uint64_t)>& is_there);
  void judged() noexcept { is_judging_ = false; }
  /// What came of a login.
  void told(const std::string& peer, const std::string& user, bool is_accepted,
            int64_t now_ns);
  [[nodiscard]] size_t waiting() const noexcept { return waiting_; }

private:
  using source = std::pair<std::string, std::string>; ///< Address, user.
  struct past {
    int failures = 0;
    int64_t last_ns = 0;
  };

  [[nodiscard]] bool must_wait(const source& who, int64_t now_ns) const;

  std::map<source, std::deque<started>> queues_;
  source last_; ///< Whose turn it was.
  std::map<source, past> failed_;
  size_t waiting_ = 0;
  bool is_judging_ = false;
};

} // namespace millrace::nodes
