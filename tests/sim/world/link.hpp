#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace millrace::sim {

using duration = std::chrono::nanoseconds;

/// How long one message travels, at least and at most. What follows it on the
/// same link never overtakes it.
struct link_delay {
  duration min{};
  duration max{};
};

/// What travels between two processes: one message of a connection.
struct parcel {
  enum class what : uint8_t {
    message, ///< Between actors.
    monitor, ///< The source has a handle of an actor of the target.
    down,    ///< An actor of the source has ended.
    resolve, ///< Asks for a named actor of the target.
    resolved,
    close, ///< Nothing more comes.
  };
  what kind = what::message;
  uint64_t connection = 0;
  /// Processes, by life: the ends of this connection, and of the whole way.
  uint64_t from = 0;
  uint64_t to = 0;
  uint64_t source = 0;
  uint64_t target = 0;
  uint64_t source_actor = 0; ///< 0: none.
  uint64_t target_actor = 0;
  uint64_t number = 0; ///< Of the message, or of the question.
  std::vector<char> bytes;
  /// That many at the end of `bytes` are records of a log, each of which has a
  /// checksum.
  size_t record_bytes = 0;
};

/// The links between all nodes, one per direction: when what is sent arrives.
/// As TCP has it: in order, and what a cut holds up comes later rather than
/// never. Pure but for its seed; one owner.
class link_table {
public:
  link_table(uint64_t seed, link_delay usual) : random_{seed}, usual_{usual} {}

  /// @pre neither is sent anything at an earlier time later.
  void send(size_t from, size_t to, parcel what, duration now);
  /// The next parcel that has arrived by now.
  [[nodiscard]] std::optional<parcel> arrived(duration now);
  /// When something happens next.
  [[nodiscard]] std::optional<duration> next_due() const;
  /// How long a message of no connection would travel.
  [[nodiscard]] duration travel(size_t from, size_t to);

  // -- faults of one direction ------------------------------------------------

  void cut(size_t from, size_t to, duration now);
  /// @returns when what was held up goes on: when TCP tries again. Its pauses
  /// double, from 200 ms, for as long as the cut lasted.
  static duration next_try(duration cut_at, duration now);
  /// Something passes again from `at` on.
  void heal(size_t from, size_t to, duration at);
  /// 0: as fast as ever.
  void slow(size_t from, size_t to, uint64_t bytes_per_second, duration now);
  void delay(size_t from, size_t to, std::optional<link_delay> how_long);
  /// Since when nothing passes; none: it does.
  [[nodiscard]] std::optional<duration> blocked_since(size_t from,
                                                      size_t to) const;
  /// Whether it is cut, slow or delayed.
  [[nodiscard]] bool is_harmed(size_t from, size_t to) const;

private:
  struct link {
    std::optional<link_delay> delay;
    uint64_t bytes_per_second = 0;
    duration busy_until{};
    duration last_arrival{};
    bool cut = false;
    std::optional<duration> blocked_since;
    std::deque<parcel> held;
  };
  using pair = std::pair<size_t, size_t>;
  struct event {
    pair of;
    std::optional<parcel> what; ///< None: what was held goes on.
  };

  [[nodiscard]] duration draw(const link_delay& between);
  [[nodiscard]] duration delay_of(const link& some);

  std::mt19937_64 random_;
  link_delay usual_;
  std::map<pair, link> links_;
  std::multimap<duration, event> events_;
  std::deque<parcel> released_;
};

} // namespace millrace::sim
