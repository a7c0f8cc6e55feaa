#pragma once

#include <millrace/actors/rt/subscribe/fatal_watch.hpp>
#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/actors/torq/rdb/dead_letters.hpp>
#include <millrace/actors/torq/rdb/loss_log.hpp>
#include <millrace/actors/torq/rdb/rdb_self.hpp>
#include <millrace/actors/torq/rdb/table_join.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace millrace::torq {

/// The tables and what may write them: deliveries of the subscriber, and drops.
/// Readers take snapshots and never wait.
struct rdb_store {
  std::mutex writing; ///< Of what follows, up to the blank line.
  persistence::memory_store tables;
  /// Of the stream: batches of those that are not in the store are others'.
  std::set<std::string, std::less<>> stream_tables;
  /// Of these, those that no RDB of the cluster holds.
  std::set<std::string, std::less<>> unheld_tables;
  undeclared_batches undeclared; ///< Dead letters, by the table they name.

  std::atomic<bool> wake_wanted{false};
  /// Ends of periods that a snapshot shows and the RDB has not heard of yet.
  std::atomic<uint32_t> period_ends_untold{0};
  std::atomic<uint64_t> rejected_batches{0};
  /// Of these, those that ended this RDB again and again.
  std::atomic<uint64_t> parked_batches{0};
  std::atomic<uint64_t> unheld_batches{0}; ///< Of tables that no RDB holds.
  /// Of the open period.
  uint64_t period_rejects = 0;            ///< The subscriber's alone.
  uint64_t period_unheld = 0;             ///< The subscriber's alone.
  std::atomic<uint64_t> period_losses{0}; ///< Of the open period.
  /// Of no place in the stream: each period that ends tells them, up to the
  /// first that ends beyond `live_from`. What was there before may be told to
  /// nobody.
  std::atomic<uint64_t> standing_losses{0};
  /// The end that the stream had when it began to flow.
  std::atomic<uint64_t> live_from{~uint64_t{0}};
  std::mutex letters_mutex;
  std::unique_ptr<dead_letters> letters; ///< Null: there was none yet.
  std::atomic<size_t> byte_count{0};
  mutable std::mutex reject_mutex; ///< Of what follows, up to the blank line.
  std::string last_reject;         ///< Table, column, reason.
  std::string refused; ///< Why a batch must come again; empty: none does.
  loss_log losses;     ///< Told before a snapshot shows what is after them.
  loss_log rejects;    ///< Told as `losses` are.
  /// Of tables that no RDB holds: one per table and period.
  std::vector<persistence::hdb_loss> unheld;

  /// Why rows of a table in (from, to] may be missing; empty: of any table.
  [[nodiscard]] std::vector<persistence::hdb_loss>
  lost(position from, position to, std::string_view table = {}) const;

  /// Of the positions here. Once a flow of another life began, nothing is taken
  /// in any more. Of the subscriber's handlers alone, after the start.
  lineage_id life;
  bool abandoned = false;

  /// Lets go of the rows up to `cutover`.
  [[nodiscard]] error drop(position cutover);
  /// What was kept of dead letters survives a power cut.
  [[nodiscard]] error sync_letters();
};

/// What the subscriber needs to know beside the store.
struct ingest_settings {
  std::string stream;
  bool sole_rt = false;    ///< Nobody but it knows where the stream ends.
  std::string reject_file; ///< Where batches go that no table fits.
  /// Knows which messages end this process; null: none is passed over.
  std::shared_ptr<rt::fatal_watch> watch{};
};

/// What the subscriber of `control` calls: the only writer beside drops. A
/// batch that no table fits is kept as a dead letter, and so is one that ended
/// this process again and again; one that there is no memory for, or no place
/// to keep it in, comes again. `owner` hears of flows,
/// losses, ends of periods, the end of the subscription, and once of new rows
/// when `wake_wanted` says so.
[[nodiscard]] std::shared_ptr<rt::subscription_handlers>
ingest_handlers(const std::shared_ptr<rdb_store>& store, persistence::env& env,
                ingest_settings settings,
                std::shared_ptr<rt::subscription> control,
                const rdb_self_actor& owner);

} // namespace millrace::torq
