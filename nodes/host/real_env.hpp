#pragma once

#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/nodes/host/thread_pool.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <memory>

namespace millrace::nodes {

struct real_env_options {
  /// Syncs and blocking file work.
  unsigned io_threads = 4;
  /// Query morsels; 0: one per core.
  unsigned pool_threads = 0;
};

/// The outside world as it is: POSIX files, the system's clocks, threads,
/// kernel randomness, and crash points as `$CRASH_AT` asks. Outlives all that
/// hold `world()`; its destructor runs the jobs that are queued.
class real_env {
public:
  /// `config` when `$CRASH_AT` is malformed.
  [[nodiscard]] static result<std::unique_ptr<real_env>>
  create(const real_env_options& options = {});

  real_env(const real_env&) = delete;
  real_env& operator=(const real_env&) = delete;

  [[nodiscard]] persistence::env& world() noexcept { return world_; }

private:
  explicit real_env(const real_env_options& options);

  system_clock clock_;
  persistence::env world_;
  // Last, so that they end first: their jobs use the rest.
  thread_pool io_;
  thread_pool pool_;
};

} // namespace millrace::nodes
