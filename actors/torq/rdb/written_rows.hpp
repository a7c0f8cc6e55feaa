#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace millrace::torq {

/// What an HDB directory holds of a period of a stream.
struct written_rows {
  position end; ///< Of the period; the start: nothing of it is there.
  /// Up to where the period is there: its own end, or, when it was passed over,
  /// that of the next one, with which its rows went. The start: some table
  /// lacks it.
  position covered;
  manifest_version version;
  /// By table, and the period of their own date.
  std::map<std::string, std::map<period_id, uint64_t>> rows;
  uint64_t rejected_batches = 0; ///< Left out of it by decision.
  uint64_t losses = 0;           ///< That the stream told of, in it.
  std::string last_loss;         ///< Of these, in words.
  uint64_t unheld_batches = 0;   ///< Of it, of tables that no RDB holds.
};

/// What a manifest holds of these tables. Rows of others are not of this RDB.
/// @param unheld tables that no RDB holds now: of others that none held once
/// the rows are in another directory
[[nodiscard]] written_rows
written_rows_of(const persistence::hdb_manifest& manifest,
                const std::string& stream, const std::set<std::string>& tables,
                period_id period,
                const std::set<std::string, std::less<>>& unheld = {});

/// The same of the newest manifest. None there is nothing.
[[nodiscard]] result<written_rows>
read_written(persistence::file_system& fs, const std::string& directory,
             const std::string& stream, const std::set<std::string>& tables,
             period_id period,
             const std::set<std::string, std::less<>>& unheld);

} // namespace millrace::torq
