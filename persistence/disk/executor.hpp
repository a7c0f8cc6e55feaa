#pragma once

#include <cstdint>
#include <functional>

namespace millrace::persistence {

/// Runs jobs that must not run in an actor's handler: syncs, cold reads
/// (`env.io`), query morsels (`env.pool`). The real one is a thread pool; the
/// simulator runs each job as one seeded step. A job reports by sending a
/// message. Thread safe.
class executor {
public:
  virtual ~executor() = default;
  /// Runs `job` once, soon, on some thread. Jobs must not throw.
  virtual void submit(std::function<void()> job) = 0;
};

/// Wall time, ns since 2000.01.01 UTC, and monotonic time in ns.
class clock_source {
public:
  virtual ~clock_source() = default;
  [[nodiscard]] virtual int64_t now_ns() = 0;
  [[nodiscard]] virtual int64_t monotonic_ns() = 0;
};

} // namespace millrace::persistence
