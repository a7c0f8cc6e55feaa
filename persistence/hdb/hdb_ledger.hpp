#pragma once

#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::persistence {

/// What somebody did by hand to the rows of one partition. It stands in the
/// manifest, as a part without rows, from the version on that it made; what
/// touched several partitions is as many entries of that version.
struct hdb_ledger_entry {
  uint64_t version = 0; ///< Of the manifest.
  int64_t at_ns = 0;    ///< Wall time, ns since 2000.01.01 UTC.
  std::string table;
  std::string partition; ///< Also one that rows were moved to.
  uint64_t rows = 0;     ///< Of it: changed, removed, or moved from or to.
  std::string text;      ///< What was done, and of which stream's rows.
  friend bool operator==(const hdb_ledger_entry&, const hdb_ledger_entry&)
    = default;
};

/// Whether a part is an entry, and no part of a stream.
[[nodiscard]] bool is_ledger_entry(const hdb_part& part) noexcept;

/// The entry as a part. @pre `manifest` has a schema of its table
[[nodiscard]] hdb_part part_of(const hdb_ledger_entry& entry,
                               const hdb_manifest& manifest);

/// All entries, the oldest first.
[[nodiscard]] std::vector<hdb_ledger_entry>
ledger_of(const hdb_manifest& manifest);

} // namespace millrace::persistence
