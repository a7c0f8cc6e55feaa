#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace millrace::torq {

/// What an HDB directory holds of a period of a stream.
struct written_rows {
  position end; ///< Of the period; the start: nothing of it is there.
  manifest_version version;
  /// By table and own date, days since 2000.01.01.
  std::map<std::string, std::map<int64_t, uint64_t>> rows;
  uint64_t rejected_batches = 0; ///< Left out of it by decision.
  uint64_t losses = 0;           ///< That the stream told of, in it.
};

/// Reads the newest manifest. None there is nothing.
[[nodiscard]] result<written_rows> read_written(persistence::file_system& fs,
                                                const std::string& directory,
                                                const std::string& stream,
                                                period_id period);

} // namespace millrace::torq
