#pragma once

#include <millrace/messages/interfaces.hpp>
#include <millrace/persistence/env.hpp>
#include <millrace/persistence/hdb_store.hpp>

#include <caf/stateful_actor.hpp>

#include <map>
#include <memory>
#include <string>

namespace millrace::torq {

struct hdb_settings {
  std::string process;
  std::string directory;
  /// Which stream each table belongs to.
  std::map<std::string, std::string> streams;
  int64_t query_timeout_ns = 30'000'000'000;
};

/// State of the HDB: serves the partitions of a directory, read only. A new
/// manifest is taken up without a pause; queries keep the version they pinned.
struct hdb_state {
  static constexpr const char* name = "hdb";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit hdb_state(hdb_actor::pointer owner) : self{owner} {}

  caf::result<chunks, query_cut> query(const chunk& plan, uint64_t version);
  uint64_t refresh();
  void tick();
  [[nodiscard]] std::string status() const;

  result<std::shared_ptr<const persistence::hdb_snapshot>>
  pin(uint64_t version);
  void forget_old();

  hdb_actor::pointer self;
  persistence::env* env = nullptr;
  hdb_settings settings;
  std::unique_ptr<persistence::hdb_store> store; ///< Null: nothing written yet.
  struct retained {
    std::shared_ptr<const persistence::hdb_snapshot> snapshot;
    int64_t replaced_at_ns = 0; ///< 0: the newest.
  };
  /// Versions that plans may still name.
  std::map<uint64_t, retained> versions;
  error last_failure;
};

hdb_actor::behavior_type
hdb(hdb_actor::stateful_pointer<hdb_state> self, persistence::env* world,
    hdb_settings settings);

} // namespace millrace::torq
