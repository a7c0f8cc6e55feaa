#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace millrace::rt {

/// How the periods of a stream end: asks its publishers for their markers,
/// proposes the end when all have come or the grace is over, and tells the
/// askers. Once per period. Everything that must outlive it is committed: a new
/// one starts from the merge state, and is asked again by the actors that still
/// wait. Pure; one owner.
class period_ending {
public:
  /// A publisher that is connected: its flow, and whose marker it logs.
  struct publisher {
    flow_id flow;
    std::string origin;
  };

  /// Somebody wants the period to end, and is answered under this number.
  struct asked {
    uint64_t request = 0;
    period_id period;
    std::vector<publisher> connected;
  };
  /// A publisher is connected from now on.
  struct came {
    publisher who;
  };
  /// Time passed.
  struct passed {};
  using input = std::variant<asked, came, marker_merged, period_ended, passed>;

  /// Have this publisher log its marker of the period.
  struct ask {
    flow_id flow;
    period_id period;
    friend bool operator==(const ask&, const ask&) = default;
  };
  /// Have the group commit the end.
  struct propose {
    period_end entry;
    friend bool operator==(const propose&, const propose&) = default;
  };
  /// The period of this request ended there.
  struct answer {
    uint64_t request = 0;
    position end;
    friend bool operator==(const answer&, const answer&) = default;
  };
  /// `already_exists`: the period of this request ended before, or can end no
  /// more, because a later one did.
  struct refuse {
    uint64_t request = 0;
    period_id period;
    friend bool operator==(const refuse&, const refuse&) = default;
  };
  using effect = std::variant<ask, propose, answer, refuse>;

  /// @param committed what the group has agreed on so far.
  /// @param grace_ns how long an end waits for the markers of publishers.
  /// @param participants origins whose markers it waits for also while they
  ///   are not connected.
  period_ending(const merge_state& committed, int64_t grace_ns,
                std::vector<std::string> participants = {});

  [[nodiscard]] std::vector<effect> step(const input& what, int64_t now_ns);

  /// The newest that ended, and where; the start: before this began.
  [[nodiscard]] period_id last_ended() const noexcept { return last_ended_; }
  [[nodiscard]] position last_end() const noexcept { return last_end_; }
  /// Publishers whose marker of it was waited for in vain.
  [[nodiscard]] const std::vector<std::string>& last_absent() const noexcept {
    return last_absent_;
  }

private:
  struct open_period {
    std::set<std::string> awaited; ///< Origins whose marker has not come.
    int64_t deadline_ns = 0;
    bool proposed = false;
    std::vector<uint64_t> requests;
  };

  void take(const asked& what, int64_t now_ns, std::vector<effect>& out);
  void take(const came& what, int64_t now_ns, std::vector<effect>& out);
  void take(const marker_merged& what, int64_t now_ns,
            std::vector<effect>& out);
  void take(const period_ended& what, int64_t now_ns, std::vector<effect>& out);
  void take(const passed&, int64_t, std::vector<effect>&) {}
  void propose_due(int64_t now_ns, std::vector<effect>& out);

  [[nodiscard]] bool marked(const std::string& origin, period_id period) const;

  int64_t grace_ns_;
  std::vector<std::string> participants_;
  period_id last_ended_;
  position last_end_;
  std::vector<std::string> last_absent_;
  std::map<std::string, period_id> marked_; ///< Newest marker, by origin.
  std::map<period_id, open_period> open_;
};

} // namespace millrace::rt
