#pragma once

#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/sim/world/link.hpp>
#include <millrace/sim/world/picker.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::sim {

struct cluster_options {
  /// What its processes may be; `add` your own.
  nodes::role_table roles{};
  /// The machine of a node. All others share one: so the file has it, for they
  /// have one address.
  std::map<std::string, std::string> machines{};
  /// Nodes restart that long after their process ended by itself.
  std::optional<duration> supervised = std::chrono::seconds{1};
  /// Crash points of your own roles: `world::add_crash_point`.
  std::set<std::string> crash_points{};
};

struct world_options {
  /// Virtual time that one step takes at most.
  duration step_max = std::chrono::microseconds{20};
  /// How long a job of `env.io` takes at most, in the common case and in the
  /// rare slow one (one in 32).
  duration io_max = std::chrono::milliseconds{1};
  duration io_slow_max = std::chrono::milliseconds{50};
  /// How long a message between nodes travels, unless `world::delay` says else.
  link_delay link{std::chrono::microseconds{10},
                  std::chrono::microseconds{200}};
  /// Wall clock at virtual time zero, ns since 2000.01.01 UTC.
  int64_t epoch_ns = 820'000'000'000'000'000;
  /// Of all faults, as `fault::may_miss` is of one: for tests that draw faults
  /// themselves.
  bool faults_may_miss = false;
  /// Who runs next when several could; the record says which it is.
  pick_policy pick = pick_policy::drawn;
};

/// Why it makes no sense; empty: it does.
[[nodiscard]] std::string flaw_of(const link_delay& how);
[[nodiscard]] std::string flaw_of(const world_options& options);

/// Rows that a process of one's own published: see `world::add_ledger`.
struct published_batch {
  /// As `rt::publisher::publish` was given it.
  std::vector<std::byte> bytes;
  /// Its rows must be there, within a minute. Otherwise they may be: the
  /// process was told less of them than it needs, or died in the middle.
  bool is_promised = true;
};

} // namespace millrace::sim
