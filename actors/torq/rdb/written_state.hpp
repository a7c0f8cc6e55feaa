#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::torq {

/// What an HDB holds of a stream when an RDB of it starts.
struct written_state {
  manifest_version version; ///< 0: there is no manifest.
  /// Up to where each of the RDB's tables is accounted for; the start: some
  /// table is not yet.
  position cutover;
  /// The same by table; one that is not accounted for is not here.
  std::map<std::string, position, std::less<>> cutovers;
  position held_to; ///< End of the last range, of any table of the stream.
  lineage_id life;  ///< Of these positions; not known: it is not kept.
  // Of the RDB's tables.
  uint64_t rejected_batches = 0; ///< Left out by decision.
  uint64_t losses = 0;           ///< That the stream told of.
  std::string last_reject;       ///< In words; empty: none.
  std::string last_loss;

  /// Whether it tells of the stream at all, of whichever tables.
  [[nodiscard]] bool knows_stream() const noexcept {
    return life.is_known() || held_to != position{};
  }
};

[[nodiscard]] written_state
written_state_of(const persistence::hdb_manifest& manifest,
                 const std::string& stream,
                 const std::vector<table_schema>& tables);

} // namespace millrace::torq
