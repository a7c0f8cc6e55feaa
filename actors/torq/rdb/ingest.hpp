#pragma once

#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/actors/torq/rdb/rdb_self.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace millrace::torq {

/// The tables and what may write them: deliveries of the subscriber, and drops.
/// Readers take snapshots and never wait.
struct rdb_store {
  std::mutex writing;
  persistence::memory_store tables;
  std::atomic<bool> wake_wanted{false};
  /// Ends of periods that a snapshot shows and the RDB has not heard of yet.
  std::atomic<uint32_t> period_ends_untold{0};
  std::atomic<uint64_t> rejected_batches{0};
  std::atomic<size_t> byte_count{0};
  std::mutex reject_mutex;
  std::string last_reject; ///< Table, column, reason.

  /// Lets go of the rows up to `cutover`.
  [[nodiscard]] error drop(position cutover);
};

/// What the subscriber calls: the only writer beside drops. `owner` hears of
/// ends of periods, and once of new rows when `wake_wanted` says so.
[[nodiscard]] std::shared_ptr<rt::subscription_handlers>
ingest_handlers(const std::shared_ptr<rdb_store>& store, persistence::env& env,
                const rdb_self_actor& owner);

} // namespace millrace::torq
