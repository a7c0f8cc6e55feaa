#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace millrace::rt {

/// The messages of a publisher for whose response somebody waits, and the
/// responses that came and were not fetched yet. The first response to a
/// message counts. One owner; times are those of a monotonic clock.
class awaited_responses {
public:
  /// More are not waited for at a time.
  static constexpr size_t waiting_max = 65'536;
  /// Of all responses that wait to be fetched; each has its limit on the way.
  static constexpr uint64_t bytes_max = uint64_t{64} << 20;
  /// So long after its deadline it is known what became of a message.
  static constexpr int64_t kept_ns = 10'000'000'000;

  using bytes = std::vector<std::byte>;

  /// The message of this id is about to be published.
  /// @returns `limit_exceeded`, and nothing is waited for
  [[nodiscard]] error expect(int64_t id, int64_t until_ns, int64_t now_ns);
  /// It was not published.
  void forget(int64_t id) { drop(id); }

  /// A response came.
  /// @returns why it does not count: `not_found` (nobody waits, or nobody any
  ///   more), `already_exists` (another came before), `timeout` (too late),
  ///   `limit_exceeded` (too much waits to be fetched)
  [[nodiscard]] error take(int64_t id, std::span<const std::byte> response,
                           int64_t now_ns);

  /// What came of a message; none: nothing yet. Told once: a `timeout`, and
  /// the response itself, end the wait. `not_found` where nobody waits for it.
  [[nodiscard]] std::optional<result<bytes>> fetch(int64_t id, int64_t now_ns);

  /// A response waits to be fetched, or nobody waits for one.
  [[nodiscard]] bool is_settled(int64_t id) const {
    const auto found = waiting_.find(id);
    return found == waiting_.end() || found->second.response.has_value();
  }

  /// The deadline of one that is waited for; 0: nobody waits.
  [[nodiscard]] int64_t until_ns(int64_t id) const {
    const auto found = waiting_.find(id);
    return found == waiting_.end() ? 0 : found->second.until_ns;
  }

  /// Those that came and did not count.
  [[nodiscard]] uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] size_t waiting() const noexcept { return waiting_.size(); }

private:
  struct awaited {
    int64_t until_ns = 0;
    std::optional<bytes> response;
  };
  [[nodiscard]] error judge(int64_t id, std::span<const std::byte> response,
                            int64_t now_ns) const;
  void drop(int64_t id);
  void drop_old(int64_t now_ns);

  std::map<int64_t, awaited> waiting_;
  uint64_t bytes_ = 0; ///< Of responses that wait to be fetched.
  uint64_t refused_ = 0;
  int64_t drop_at_ns_ = 0; ///< Not looked for old ones before.
};

} // namespace millrace::rt
