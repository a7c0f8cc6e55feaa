#pragma once

#include <millrace/messages/base/errors.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace millrace::rt {

/// Whether a node's disk takes what its stream writes, by what failed lately
/// and by what the order stands still for; and what of that is worth a line. A
/// node whose disk does not had better not lead. Pure; one owner.
class disk_trouble {
public:
  struct settings {
    /// Other nodes order the stream too: only then is it of use to say more
    /// than what stands still.
    bool has_peers = false;
    /// After the last sign of it a disk counts as well again.
    int64_t trouble_ns = 10'000'000'000;
    /// The order stands still for longer than that: it is a sign.
    int64_t patience_ns = 2'000'000'000;
    /// What stood still, and goes on for that long, is told anew.
    int64_t told_ns = 10'000'000'000;
  };

  /// Something could not be written.
  struct failed {
    error why;
  };
  /// Time passed.
  struct passed {
    error blocked; ///< What the order stands still for; empty: it goes on.
  };
  using input = std::variant<failed, passed>;

  /// What was taken in is to be ordered: use the room kept for a full disk.
  struct make_room {
    friend bool operator==(const make_room&, const make_room&) = default;
  };
  /// From now on another node is to lead.
  struct struck {
    error why;
    friend bool operator==(const struck&, const struck&) = default;
  };
  /// This one may lead again.
  struct healed {
    friend bool operator==(const healed&, const healed&) = default;
  };
  /// Nothing is ordered here until that is mended. Said once per cause: how
  /// much room there is changes all the time, and what goes on a little stands
  /// soon again.
  struct blocked {
    error why;
    friend bool operator==(const blocked&, const blocked&) = default;
  };
  using effect = std::variant<make_room, struck, healed, blocked>;

  explicit disk_trouble(settings how) : settings_{how} {}

  [[nodiscard]] std::vector<effect> step(const input& what, int64_t now_ns);

  /// Why another node is to lead; empty: none need.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }
  /// It has no room, as far as was seen.
  [[nodiscard]] bool is_full(int64_t now_ns) const noexcept {
    return now_ns < full_until_ns_;
  }

private:
  using effects = std::vector<effect>;
  void take(const failed& what, int64_t now_ns, effects& out);
  void take(const passed& what, int64_t now_ns, effects& out);
  void tell(const error& why, int64_t now_ns, effects& out);

  settings settings_;
  std::string why_;
  int64_t struck_until_ns_ = 0;
  int64_t full_until_ns_ = 0;
  std::optional<int64_t> blocked_since_ns_;
  error told_;             ///< What `blocked` said last,
  int64_t seen_at_ns_ = 0; ///< and when the order was last seen to stand.
};

} // namespace millrace::rt
