#pragma once

#include <millrace/messages/data/consumer_floor.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// What the durable consumers of a stream told the node that leads, while it
/// leads, and which of it is worth an entry of the group's log: consumers tell
/// it every second, and each entry is written and synced on all nodes. What is
/// not agreed on yet costs nobody a message: after a change of the lead, or a
/// restart of all, a consumer goes on at most so much earlier. Pure; one owner.
class told_floors {
public:
  /// What is agreed on of a consumer.
  struct agreed {
    position floor;
    uint64_t claim = 0;
    uint64_t holder = 0;
    int64_t heard_ns = 0; ///< As the wall clock had it; 0: never.
  };
  /// What the subscription that has the name said last.
  struct said {
    uint64_t claim = 0;
    uint64_t holder = 0;
    position floor;
    std::string process; ///< Where it runs.
    int64_t heard_at_ns = 0;
    bool left = false;       ///< It ended, and said so,
    bool urgent = false;     ///< a moment ago.
    int64_t noted_at_ns = 0; ///< When its floor was worth an entry last.
  };
  /// One that was not heard of for so long is not connected.
  static constexpr int64_t silence_ns = 5'000'000'000;

  /// @param what of the subscription that has the name
  void take(const consumer_floor& what, const std::string& process,
            int64_t now_ns);
  void forget(const std::string& consumer) { said_.erase(consumer); }
  /// Another node leads.
  void clear() { said_.clear(); }
  [[nodiscard]] const said* find(const std::string& consumer) const;
  /// The same, unless nothing was heard of it for a while, or it left.
  [[nodiscard]] const said* connected(const std::string& consumer,
                                      int64_t now_ns) const;

  /// What of a consumer is to be agreed on now; null: nothing. Its floor, when
  /// it frees a file or passes a MiB, at most once per second, or moved at all,
  /// every ten seconds, or at once when it leaves; that it is there, once per
  /// hour, so that people see when it was heard of whatever became of the
  /// nodes. The same is worth an entry again a second later if it still is not
  /// agreed on.
  /// @param wall_ns as heard_ns of `agreed`
  [[nodiscard]] const said* due(const std::string& consumer,
                                const agreed& known, int64_t now_ns,
                                int64_t wall_ns);

private:
  std::map<std::string, said> said_;
};

} // namespace millrace::rt
