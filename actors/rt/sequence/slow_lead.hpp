#pragma once

#include <millrace/messages/data/ids.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace::rt {

/// Syncs that take longer are slow, unless somebody says otherwise: five
/// heartbeats.
inline constexpr int64_t slow_sync_default_ns = 250'000'000;

/// Whether a node whose disk is slow had better not lead its stream, and who is
/// to lead instead. A stream is as slow as the disk of the node that leads, and
/// any two others are a majority without it. Pure; one owner.
///
/// Slow is a node whose syncs took more than the bound for `patience_ns` on
/// end, while another one's are within it and take half as long at most: where
/// all disks are slow none is. Of two nodes each of which compares itself with
/// the other only one can be slow, so the lead does not go to and fro between
/// them; and as a node hands over only after it led for `settled_ns`, there is
/// one such hand-over in that time at most, whatever becomes of the disks.
class slow_lead {
public:
  static constexpr int64_t patience_ns = 3'000'000'000;
  static constexpr int64_t settled_ns = 10'000'000'000;
  /// A node that handed over for this reason does not do so again earlier.
  static constexpr int64_t again_ns = 30'000'000'000;

  explicit slow_lead(int64_t slow_ns = slow_sync_default_ns)
    : slow_ns_{slow_ns} {}

  /// Another member that votes.
  struct other {
    member_id who;
    /// What its syncs take, as it said lately; none: it did not say.
    std::optional<int64_t> sync_ns;
    /// As a leader knows: it was heard within an election time-out, and holds
    /// the log durably up to here.
    bool heard = false;
    entry_index durable;
  };
  struct facts {
    bool leads = false;
    std::optional<int64_t> sync_ns; ///< What those of this node take.
    entry_index durable;            ///< Up to here it holds the log durably.
    std::vector<other> others;
  };
  struct verdict {
    /// This node had better not lead.
    bool slow = false;
    /// It does, and is to hand over to this one now: of those that are quick
    /// and hold what it holds, the one that is furthest, and then the quickest.
    std::optional<member_id> to;
  };
  /// Comes at least once per heartbeat.
  /// @param now_ns of a clock that does not go back.
  [[nodiscard]] verdict judge(const facts& now, int64_t now_ns);

  /// How often it said that this node is to hand over.
  [[nodiscard]] uint64_t hand_overs() const noexcept { return hand_overs_; }

private:
  [[nodiscard]] bool quicker(const other& one, int64_t own_ns) const;

  int64_t slow_ns_;
  std::optional<int64_t> slow_since_ns_;
  std::optional<int64_t> leads_since_ns_;
  std::optional<int64_t> handed_over_ns_;
  uint64_t hand_overs_ = 0;
};

} // namespace millrace::rt
