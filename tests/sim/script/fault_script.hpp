#pragma once

#include <millrace/messages/base/result.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::sim {

/// Whether a node that ends comes back, and on which disk.
struct comeback {
  enum class disk : uint8_t {
    same,
    empty, ///< A new machine.
    older, ///< As it was when it was backed up.
  };
  std::optional<std::chrono::nanoseconds> after{}; ///< None: not by itself.
  disk on = disk::same;
  friend bool operator==(const comeback&, const comeback&) = default;
};

[[nodiscard]] inline comeback restart_after(std::chrono::nanoseconds time) {
  return {time};
}
[[nodiscard]] inline comeback
restart_empty_after(std::chrono::nanoseconds time) {
  return {time, comeback::disk::empty};
}
[[nodiscard]] inline comeback
restart_older_after(std::chrono::nanoseconds time) {
  return {time, comeback::disk::older};
}

/// Something that is done to a cluster. Fields that a kind does not name keep
/// their defaults.
struct fault {
  enum class what : uint8_t {
    kill,      ///< kill -9 of `node`; `back`.
    power,     ///< Its machine loses power; `back`.
    restart,   ///< Begins a life, if it has none.
    pause,     ///< SIGSTOP.
    resume,    ///< SIGCONT.
    crash,     ///< Ends at its crash point `name`, the `number`th time; `back`.
    power_at,  ///< The same; its machine loses power there.
    cut,       ///< The link to `other` passes nothing.
    reset,     ///< The connection to `other` is reset, with its `number`th
               ///< message from now on; 0: at once.
    corrupt,   ///< A bit of the `number`th message with records to `other`.
    half_open, ///< The connection to `other` vanishes unseen.
    slow,      ///< The link to `other` passes `number` bytes per second.
    delay,     ///< What goes to `other` travels for up to `time`.
    flip,      ///< Bit `number` of the file `name` of its machine.
    rot,       ///< Bit `number`, counted round, of all files with `name` in
               ///< their paths.
    shorten,   ///< The file `name` of its machine keeps `number` bytes.
    swap,      ///< The files `name` and `other_name` change places.
    remove,    ///< The file `name` of its machine is gone.
    fail,      ///< The `number`th disk call `name` from now on fails.
    full,      ///< Its disk holds `number` bytes.
    lie,       ///< Its disk says "synced" and forgets at a power cut.
    read_only, ///< Its disk refuses whatever would change it.
    slow_disk, ///< Whatever waits for its disk waits `time` longer.
    clock,     ///< The wall clock of its machine jumps by `time`.
    freeze_clock, ///< It stands.
    drift,        ///< It gains `rate_ppm` microseconds in a second; 0: none.
    back_up,      ///< Keeps its disk, for `comeback::disk::older`.
    heal,         ///< The link to `other`; without `node`: all there is.
  };
  what kind = what::heal;
  std::string node{};
  std::string other{};
  bool one_way = false; ///< cut, corrupt: only from `node` to `other`.
  std::string name{};
  std::string other_name{};
  uint64_t number = 0;
  int64_t rate_ppm = 0; ///< From -`drift_ppm_max` to `drift_ppm_max`.
  std::chrono::nanoseconds time{};
  comeback back{};
  /// Done if it can be: what it is to meet may not be there.
  bool may_miss = false;
  friend bool operator==(const fault&, const fault&) = default;
};

/// A clock that loses more would run back.
inline constexpr int64_t drift_ppm_max = 999'999;

/// What `fault::fail` names, in the order of `sim::disk_call`.
inline constexpr std::array<std::string_view, 9> disk_call_names{
  "open",   "read",   "write",          "sync", "truncate",
  "rename", "remove", "sync-directory", "list"};

struct timed_fault {
  std::chrono::nanoseconds at{}; ///< From the start of the script.
  fault what;
  std::string place{}; ///< `<file>:<line>` of the text; not compared.
  friend bool operator==(const timed_fault& one, const timed_fault& other) {
    return one.at == other.at && one.what == other.what;
  }
};

/// In the order of the text; equal times keep it.
using fault_script = std::vector<timed_fault>;

/// Reads lines `at <time>: <fault> | <fault>`; `#` begins a comment. A fault is
/// one of these, and may have `try` before it: `fault::may_miss`.
///     kill N [restart T [empty|older]]      power N [restart T [empty|older]]
///     crash N POINT [COUNT] [restart T [empty|older]]
///     power-at N POINT [COUNT] [restart T [empty|older]]
///     restart N    pause N    resume N      back-up N     heal
///     cut N -> M   cut N <-> M              heal N <-> M
///     corrupt N -> M [COUNT]                corrupt N <-> M [COUNT]
///     reset N <-> M [COUNT]   half-open N <-> M
///     slow N <-> M BYTES      delay N <-> M T
///     flip N FILE BIT         rot N PART BIT
///     shorten N FILE BYTES    swap N FILE FILE            remove N FILE
///     fail N CALL [COUNT]     full N BYTES  lie N         read-only N
///     slow-disk N T           clock N T     freeze-clock N
///     drift N PPM             partition N... / N... [/ N...]
/// with times as 1s500ms, sizes as 64KiB, FILE the end of a path, PART any part
/// of one, CALL one of open read write sync truncate rename remove
/// sync-directory list, PPM a number, as -500. `partition` is short for the
/// cuts of all links between nodes of different groups. The time of `restart`
/// counts from the end of the node. Every flaw of the text is a line
/// `<file>:<line>:<column>: <reason>` of one `invalid_argument` error.
[[nodiscard]] result<fault_script> parse_fault_script(std::string_view text,
                                                      const std::string& file);

/// Why this is no fault that a script could have; empty: it is one.
[[nodiscard]] std::string flaw_of(const fault& what);

/// One fault, and a script, as `parse_fault_script` reads it.
[[nodiscard]] std::string to_text(const fault& what);
[[nodiscard]] std::string to_text(const fault_script& script);

} // namespace millrace::sim
